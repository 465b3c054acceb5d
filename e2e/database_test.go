package e2e

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
)

// databaseRows are the variables that say where a common ledger is. There is no PostgreSQL: what the program does with
// one is in the tests of usage and of the fleet.
var databaseRows = []row{
	{section: "Environment variables", key: "DATABASE_URL", set: "DATABASE_URL=postgresql://gate:horse@127.0.0.1:1/books", unset: "DB_TYPE=sqlite", play: booksAt, without: "a file", with: "gate at 127.0.0.1:1/books"},
	{section: "Environment variables", key: "DB_TYPE", set: "DB_TYPE=postgres", unset: "DB_TYPE=sqlite", play: typed("DB_HOST=127.0.0.1", "DB_PORT=1"), without: "a file", with: "postgres at 127.0.0.1:1/postgres"},
	{section: "Environment variables", key: "DB_HOST", set: "DB_HOST=127.0.0.2", play: typed("DB_TYPE=postgres", "DB_PORT=1"), without: "postgres at localhost:1/postgres", with: "postgres at 127.0.0.2:1/postgres"},
	{section: "Environment variables", key: "DB_PORT", set: "DB_PORT=2", unset: "DB_PORT=1", play: typed("DB_TYPE=postgres"), without: "postgres at localhost:1/postgres", with: "postgres at localhost:2/postgres"},
	{section: "Environment variables", key: "DB_NAME", set: "DB_NAME=books", play: typed("DB_TYPE=postgres", "DB_PORT=1"), without: "postgres at localhost:1/postgres", with: "postgres at localhost:1/books"},
	{section: "Environment variables", key: "DB_USER", set: "DB_USER=gate", play: typed("DB_TYPE=postgres", "DB_PORT=1"), without: "postgres at localhost:1/postgres", with: "gate at localhost:1/postgres"},
	{section: "Environment variables", key: "DB_PASSWORD", set: "DB_PASSWORD=horse", play: greeted, without: "postgres mysecretpassword postgres", with: "postgres horse postgres"},
	{section: "cluster", key: "instance", set: "{cluster: {instance: gate-1}}", unset: "{}", play: func(s *stage) string {
		return introduced(s)["application_name"]
	}, without: "uni-api " + machine(), with: "uni-api gate-1"},
}

var whereBooks = regexp.MustCompile(`does not answer \(([^()]+)\): failed to connect to .user=(\S+)`)

// booksAt is where the ledger is, by what is said of it while it cannot be reached.
func booksAt(s *stage) string {
	s.drawn = true
	s.env = append([]string{"DISABLE_DATABASE=false"}, s.env...)
	s.serve()
	var o struct {
		Ledger string `json:"ledger_error"`
	}
	said := s.send("GET", "/v1/overview", "")
	if err := json.Unmarshal([]byte(said.body), &o); err != nil {
		s.Fatal(err, said.body)
	}
	if found := whereBooks.FindStringSubmatch(o.Ledger); found != nil {
		return found[2] + " at " + found[1]
	}
	return strings.TrimSpace("a file " + o.Ledger)
}

func typed(more ...string) func(*stage) string {
	return func(s *stage) string {
		s.env = append(s.env, more...)
		return booksAt(s)
	}
}

func machine() string {
	name, _ := os.Hostname()
	return name
}

func greeted(s *stage) string {
	said := introduced(s)
	return strings.Join([]string{said["user"], said["password"], said["database"]}, " ")
}

// introduced is how the program introduces itself to a PostgreSQL that asks for the password in clear.
func introduced(s *stage) map[string]string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	defer l.Close()
	met := make(chan map[string]string, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if said, err := greeting(conn); err == nil {
				select {
				case met <- said:
				default:
				}
			}
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s.drawn = true
	s.env = append([]string{"DISABLE_DATABASE=false", "DB_TYPE=postgres", "DB_HOST=127.0.0.1", "DB_PORT=" + port}, s.env...)
	s.serve()
	return <-met
}

// greeting reads what a client of PostgreSQL says first.
func greeting(conn net.Conn) (map[string]string, error) {
	message := func(head int) ([]byte, error) {
		start := make([]byte, head+4)
		if _, err := io.ReadFull(conn, start); err != nil {
			return nil, err
		}
		size := binary.BigEndian.Uint32(start[head:])
		if size < 4 || size > 1<<16 {
			return nil, fmt.Errorf("a message of %d bytes", size)
		}
		rest := make([]byte, size-4)
		_, err := io.ReadFull(conn, rest)
		return rest, err
	}
	said := map[string]string{}
	first, err := message(0)
	if err == nil && len(first) == 4 { // it asks for TLS
		conn.Write([]byte("N"))
		first, err = message(0)
	}
	if err != nil || len(first) < 4 {
		return nil, fmt.Errorf("%v: %q", err, first)
	}
	words := strings.Split(string(first[4:]), "\x00")
	for i := 0; i+1 < len(words); i += 2 {
		said[words[i]] = words[i+1]
	}
	conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3})
	password, err := message(1)
	said["password"] = strings.TrimRight(string(password), "\x00")
	return said, err
}

func TestInstanceWhoseDatabaseIsAwayIsReadyAndSaysSo(t *testing.T) {
	s := newStage(t)
	s.env = append(s.env, "DISABLE_DATABASE=false", "DATABASE_URL=postgres://gate:correct-horse@127.0.0.1:1/books")
	s.write(file{}.text(t, inFile, ""))
	s.serve()
	ready := s.send("GET", "/readyz", "")
	if ready.StatusCode != 200 || !strings.Contains(ready.body, "PostgreSQL has not answered since 2") {
		t.Errorf("/readyz: %d %s", ready.StatusCode, ready.body)
	}
	told := s.send("GET", "/v1/overview", "").body + s.send("GET", "/metrics", "").body + s.send("GET", "/v1/api_config", "").body
	s.log.await(s, "the common ledger cannot be reached; usage is kept in the data folder until it can, and statistics are of this instance since then")
	told += fmt.Sprint(s.log.all)
	if strings.Contains(told, "correct-horse") {
		t.Errorf("the password is in %s", told)
	}
	if !regexp.MustCompile(`uniapi_ledger_away_seconds \d`).MatchString(told) {
		t.Errorf("nothing says for how long: %s", told)
	}
	if added := s.send("POST", "/v1/add_credits?paid_key="+clientKey+"&amount=1", ""); added.StatusCode < 400 {
		t.Errorf("credits were added: %d %s", added.StatusCode, added.body)
	}
}
