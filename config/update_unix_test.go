//go:build unix

package config

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestReplacedFileKeepsItsModeAndItsOwner(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o640, 0o644, 0o444, 0o660} {
		path := writeMode(t, filepath.Join(t.TempDir(), "api.yaml"), "old", mode)
		uid, gid := os.Getuid(), os.Getgid()
		if uid == 0 { // who may give files away
			uid, gid = 1234, 5678
			if err := os.Chown(path, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
		link := filepath.Join(filepath.Dir(path), "link.yaml")
		if err := os.Symlink("api.yaml", link); err != nil {
			t.Fatal(err)
		}
		err := replaceFile(link, func(w io.Writer) error {
			_, err := io.WriteString(w, "new")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t)
		if readFile(t, path) != "new" || info.Mode() != mode || int(owner.Uid) != uid || int(owner.Gid) != gid {
			t.Errorf("%q, mode %v, of %d:%d, want %v of %d:%d", readFile(t, path), info.Mode(), owner.Uid, owner.Gid, mode, uid, gid)
		}
		if to, _ := os.Readlink(link); to != "api.yaml" {
			t.Errorf("the link leads to %q", to)
		}
	}
}
