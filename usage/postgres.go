package usage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres is the database in which instances keep their books together.
type postgres struct {
	pool *pgxpool.Pool
	at   string // host:port/database, without a password
	user string
	name string // the database's
}

const (
	connectWithin = 3 * time.Second
	// mostConns is for what goes on beside each other: a delivery, a roll-up, questions. A server of the default
	// settings takes 100 from all instances.
	mostConns = 4
	// leastServer is the oldest version that is cared for.
	leastServer = 130000
)

// openPostgres makes what connects when it is needed.
func openPostgres(address, instance string) (*postgres, error) {
	settings, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the database (DATABASE_URL) must be like postgres://user:password@host:5432/name: %w", err)
	}
	if !strings.Contains(address, "pool_max_conns") {
		settings.MaxConns = mostConns
	}
	c := settings.ConnConfig
	if !strings.Contains(address, "connect_timeout") {
		c.ConnectTimeout = connectWithin
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "uni-api " + instance
	}
	c.RuntimeParams["search_path"] = "pg_catalog"
	c.RuntimeParams["TimeZone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(context.Background(), settings)
	if err != nil {
		return nil, fmt.Errorf("the database cannot be connected to: %w", err)
	}
	return &postgres{pool: pool, at: net.JoinHostPort(c.Host, fmt.Sprint(c.Port)) + "/" + c.Database, user: c.User, name: c.Database}, nil
}

// errAway is that the database cannot be asked now. It will be asked again, and what there is to write waits.
var errAway = errors.New("PostgreSQL does not answer")

// The errors of a server that say what has to be done, by their codes.
var plainly = map[string]string{
	"28P01": "PostgreSQL refuses the password of user %[1]s: set the right one in DATABASE_URL or DB_PASSWORD",
	"28000": "PostgreSQL does not let user %[1]s in: create it (CREATE ROLE %[1]s LOGIN PASSWORD '…'), or see pg_hba.conf",
	"3D000": "PostgreSQL has no database %[2]s: create it (CREATE DATABASE %[2]s OWNER %[1]s)",
	"42501": "PostgreSQL does not let user %[1]s do what the ledger needs: it makes a schema with tables of its own. Make it the owner (ALTER DATABASE %[2]s OWNER TO %[1]s), or grant it (GRANT CREATE, CONNECT ON DATABASE %[2]s TO %[1]s)",
}

// explained says in words what is wrong. What may pass by itself is an errAway; anything else has to be mended by
// somebody.
func (p *postgres) explained(err error) error {
	var said *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, errAway), errors.Is(err, errSchema), errors.Is(err, errAsked), errors.Is(err, errMarks), errors.Is(err, errNewer):
		return err
	case errors.As(err, &said):
		if text := plainly[said.Code]; text != "" {
			return fmt.Errorf(text+" (%[3]s): %[4]w", p.user, p.name, p.at, err)
		}
		switch class := said.Code[:2]; {
		case class == "08", class == "53", class == "57", class == "58", said.Code == "55P03", class == "40", said.Code == "25006":
			return fmt.Errorf("%w (%s): %w", errAway, p.at, err)
		}
		return fmt.Errorf("PostgreSQL at %s: %w", p.at, err)
	}
	return fmt.Errorf("%w (%s): %w", errAway, p.at, err)
}

func isAway(err error) bool { return errors.Is(err, errAway) }

// errAsked marks what went wrong beside the database.
var errAsked = errors.New("the question failed")

// do runs something in a transaction. After an error nobody knows whether it was committed, if the connection broke on
// the way.
func (p *postgres) do(ctx context.Context, options pgx.TxOptions, change func(pgx.Tx) error) error {
	return p.explained(pgx.BeginTxFunc(ctx, p.pool, options, change))
}

// suits says whether the server is one that the ledger can be in.
func suits(version int, encoding string) error {
	switch {
	case version < leastServer:
		return fmt.Errorf("%w: the server is PostgreSQL %d; the ledger needs %d or newer", errSchema, version/10000, leastServer/10000)
	case encoding != "UTF8":
		return fmt.Errorf("%w: the database's encoding is %s, in which not every name can be written; make one in UTF8 (CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8')", errSchema, encoding)
	}
	return nil
}
