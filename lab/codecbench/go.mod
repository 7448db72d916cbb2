module holdfast/lab/codecbench

go 1.26.8

require (
	github.com/osrg/gobgp/v4 v4.8.0
	holdfast v0.0.0
)

replace holdfast => ../..
