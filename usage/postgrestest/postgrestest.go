//go:build cluster

// Package postgrestest starts PostgreSQL servers for tests: Debian's package postgresql has what it needs.
package postgrestest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL of the test's own, with a database "books" that belongs to the user "gate".
type Server struct {
	testing.TB
	bin, dir string
	Port     string
	as       *syscall.SysProcAttr
	cmd      *exec.Cmd
}

// tools finds the programs of PostgreSQL: Debian has them beside the path.
func tools(t testing.TB) string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	t.Fatal("there is no PostgreSQL (apt-get install postgresql)")
	return ""
}

// Start starts one.
func Start(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "uni-api-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{TB: t, bin: tools(t), dir: dir}
	if os.Getuid() == 0 { // it refuses to run as root
		const nobody = 65534
		s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	secretFile := filepath.Join(dir, "password")
	if err := os.WriteFile(secretFile, []byte("super\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run("initdb", "-D", filepath.Join(dir, "data"), "-U", "super", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "--pwfile", secretFile, "-N")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Port = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	s.Start()
	t.Cleanup(s.Stop)
	s.SQL("postgres", "CREATE ROLE gate LOGIN PASSWORD 'correct-horse'")
	s.SQL("postgres", "CREATE DATABASE books OWNER gate")
	return s
}

func (s *Server) run(tool string, args ...string) string {
	s.Helper()
	cmd := exec.Command(filepath.Join(s.bin, tool), args...)
	cmd.SysProcAttr, cmd.Dir = s.as, s.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Fatalf("%s: %v\n%s", tool, err, out)
	}
	return string(out)
}

// Start starts it again.
func (s *Server) Start() {
	s.Helper()
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-p", s.Port, "-h", "127.0.0.1", "-k", "", "-F")
	s.cmd.SysProcAttr, s.cmd.Dir = s.as, s.dir
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(s.Context(), s.URL("super", "super", "postgres"))
		if err == nil {
			conn.Close(s.Context())
			return
		}
		if time.Since(began) > 30*time.Second {
			said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.Fatalf("PostgreSQL does not start: %v\n%s", err, said)
		}
	}
}

// Stop ends it at once, as a crash does.
func (s *Server) Stop() {
	if s.cmd != nil {
		s.cmd.Process.Signal(syscall.SIGQUIT)
		s.cmd.Wait()
		s.cmd = nil
	}
}

// URL is its address for a user.
func (s *Server) URL(user, password, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%s/%s?sslmode=disable", user, password, s.Port, database)
}

// Books is the address that a gateway has.
func (s *Server) Books() string { return s.URL("gate", "correct-horse", "books") }

// SQL runs a statement as the server's administrator, and gives the first value of its answer.
func (s *Server) SQL(database, statement string) string {
	s.Helper()
	conn, err := pgx.Connect(s.Context(), s.URL("super", "super", database))
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close(s.Context())
	rows, err := conn.Query(s.Context(), statement)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	first := ""
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			s.Fatal(err)
		}
		if first == "" && len(values) > 0 {
			first = fmt.Sprint(values[0])
		}
	}
	if err := rows.Err(); err != nil {
		s.Fatalf("%s: %v", statement, err)
	}
	return first
}
