//go:build !linux

package main

import "syscall"

// childAttributes gives children a process group of their own, so that Ctrl-C
// reaches only `up`, which ends them in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
