package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long a part that was asked to end may take before it is killed. An API
// server with open watches never ends by itself.
const endGrace = 3 * time.Second

// process is one running part.
type process struct {
	name   string
	log    string
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	err    error         // how it ended; read after exited
}

// spawn starts this binary again as the named part, its output in LOGS/NAME.log.
func spawn(name, logs string, args []string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: name, log: filepath.Join(logs, name+".log"), exited: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(self)
	p.cmd.Args = append([]string{name}, args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), "KWOK_WORKDIR="+logs) // not the developer's own ~/.kwok
	p.cmd.SysProcAttr = childAttributes()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// end asks the process to end, kills it after endGrace, and returns once it is gone.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it is gone already
	select {
	case <-p.exited:
	case <-time.After(endGrace):
		p.kill()
	}
}

// kill returns once the process is gone. Nothing is lost by it: etcd's writes
// are in the page cache.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// failure describes a process that ended on its own, with the end of its log.
func (p *process) failure() error {
	const tail = 2000 // bytes
	log, err := os.ReadFile(p.log)
	if err != nil {
		log = []byte(err.Error())
	}
	if len(log) > tail {
		log = log[len(log)-tail:]
	}
	return fmt.Errorf("%s ended: %v; the end of %s:\n%s", p.name, p.err, p.log, bytes.TrimSpace(log))
}

// port is a TCP port of the loopback interface that stays ours: a socket is
// bound to it but never listens, and parts bind to it with SO_REUSEPORT. So it
// cannot be taken between the choice and the start, nor while the API server
// is stopped to play an outage; then connections are refused.
type port struct {
	fd     int
	number int
}

func reservePort() (port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return port{}, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return port{}, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return port{}, err
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return port{}, err
	}
	return port{fd, address.(*unix.SockaddrInet4).Port}, nil
}

func (p port) address() string {
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(p.number))
}
