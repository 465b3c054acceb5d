//go:build !windows

package config

import (
	"fmt"
	"os"
	"syscall"
)

// keepOwner gives a new file the owner, the group and the permissions of the old one.
func keepOwner(f *os.File, old os.FileInfo) error {
	mode := old.Mode().Perm()
	now, err := f.Stat()
	if err != nil {
		return err
	}
	was, is := old.Sys().(*syscall.Stat_t)
	made, alike := now.Sys().(*syscall.Stat_t)
	if is && alike && (was.Uid != made.Uid || was.Gid != made.Gid) {
		// A group that the file gives nothing to need not be kept.
		if err := f.Chown(int(was.Uid), int(was.Gid)); err != nil && (was.Uid != made.Uid || mode&0o070 != 0) {
			return fmt.Errorf("the file belongs to user %d and group %d, which this process may not give a new one to; change its owner, or edit it by hand", was.Uid, was.Gid)
		}
	}
	return f.Chmod(mode)
}
