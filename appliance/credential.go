package appliance

import (
	"os"
	"path/filepath"
)

// credential is the path of a credential that the service manager has handed us
// (LoadCredential= and its like), "" if there is none of that name. Those of a
// whole folder, as our unit has one, have the folder's name before theirs.
func credential(name string) string {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" || name != filepath.Base(name) {
		return ""
	}
	for _, n := range []string{name, "keys_" + name} {
		if path := filepath.Join(folder, n); isFile(path) {
			return path
		}
	}
	return ""
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}
