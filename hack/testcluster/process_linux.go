package main

import "syscall"

// childAttributes gives children a process group of their own, so that Ctrl-C
// reaches only `up`, which ends them in order; and the kernel kills them when
// `up` itself is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
