package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// What instances exclude each other by, as numbers of advisory locks. They end with the transaction.
const (
	lockSchema int64 = 0x756e6961_00 + iota // changing tables
	lockNames                               // giving numbers to series
	lockFolder                              // one instance flushes
	lockOrder                               // shared: adding to spans; alone: replacing them
)

// errSchema is that the database is not one for this program.
var errSchema = errors.New("the database cannot have this ledger")

// schemas bring the tables from the version that is their index to the next. Each adds: an instance of the version
// before goes on while a newer one has begun.
var schemas = [...]string{`
CREATE TABLE uniapi.meta (key text PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE uniapi.instances (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE uniapi.runs (
	id uuid PRIMARY KEY, instance integer NOT NULL REFERENCES uniapi.instances, batch bigint NOT NULL DEFAULT 0,
	begun timestamptz NOT NULL DEFAULT now(), seen timestamptz NOT NULL DEFAULT now());
CREATE TABLE uniapi.spent (
	run uuid NOT NULL REFERENCES uniapi.runs ON DELETE CASCADE, key text NOT NULL, nano bigint NOT NULL, batch bigint NOT NULL, PRIMARY KEY (run, key));
CREATE TABLE uniapi.names (number integer PRIMARY KEY, name bytea NOT NULL UNIQUE);
CREATE SEQUENCE uniapi.pieces;
CREATE TABLE uniapi.minutes (
	at timestamptz NOT NULL, kind text NOT NULL, instance integer NOT NULL, piece bigint NOT NULL, rows bytea NOT NULL,
	PRIMARY KEY (at, kind, instance, piece)) PARTITION BY RANGE (at);
CREATE TABLE uniapi.hours (LIKE uniapi.minutes INCLUDING ALL) PARTITION BY RANGE (at);
CREATE TABLE uniapi.days (LIKE uniapi.minutes INCLUDING ALL) PARTITION BY RANGE (at);
CREATE TABLE uniapi.key_days (LIKE uniapi.minutes INCLUDING ALL);
CREATE TABLE uniapi.credits (key text PRIMARY KEY, nano bigint NOT NULL);
CREATE TABLE uniapi.corrections (
	id uuid PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, key text NOT NULL, at timestamptz NOT NULL, said json NOT NULL);
CREATE INDEX ON uniapi.corrections (key, number);
CREATE TABLE uniapi.damaged (at timestamptz NOT NULL DEFAULT now(), was text NOT NULL, rows bytea NOT NULL);
`}

// prepare makes the tables, or brings them to the schema of this version. Several instances may do so at once: one
// does.
func (p *postgres) prepare(ctx context.Context) error {
	return p.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		var version int
		var encoding string
		if err := tx.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding')`).Scan(&version, &encoding); err != nil {
			return err
		}
		if err := suits(version, encoding); err != nil {
			return fmt.Errorf("%w (%s)", err, p.at)
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockSchema); err != nil {
			return err
		}
		var have *int
		there := false
		if err := tx.QueryRow(ctx, `SELECT to_regclass('uniapi.versions') IS NOT NULL`).Scan(&there); err != nil {
			return err
		}
		if there {
			if err := tx.QueryRow(ctx, `SELECT max(version) FROM uniapi.versions`).Scan(&have); err != nil {
				return err
			}
		} else if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS uniapi; CREATE TABLE uniapi.versions (version integer PRIMARY KEY, made timestamptz NOT NULL DEFAULT now())`); err != nil {
			return err
		}
		from := 0
		if have != nil {
			from = *have
		}
		if from > len(schemas) {
			return fmt.Errorf("%w: its tables are those of a newer version of uni-api (version %d; this one knows %d); run that, or another database (%s)", errSchema, from, len(schemas), p.at)
		}
		for ; from < len(schemas); from++ {
			if _, err := tx.Exec(ctx, schemas[from]); err != nil {
				return fmt.Errorf("bringing the tables from version %d to %d: %w", from, from+1, err)
			}
			if _, err := tx.Exec(ctx, `INSERT INTO uniapi.versions (version) VALUES ($1)`, from+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// partitioned are the tables with a part for each month.
var partitioned = [...]string{"minutes", "hours", "days"}

func monthOf(at int64) time.Time {
	t := time.Unix(at, 0).UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func partName(table string, month time.Time) string {
	return fmt.Sprintf("%s_%s", table, month.Format("2006_01"))
}

// makeParts makes the parts of a month. A part is attached when it is whole: that keeps no reader away, as making it in
// its place would. It then belongs to whom the table belongs to: instances may be different users, and a part must be
// dropped by whoever finds that its time is over.
func (p *postgres) makeParts(ctx context.Context, month time.Time) error {
	return p.do(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockSchema); err != nil {
			return err
		}
		for _, table := range partitioned {
			name, there := "uniapi."+partName(table, month), false
			if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil {
				return err
			}
			if there {
				continue
			}
			if _, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE %[1]s (LIKE uniapi.%[2]s INCLUDING ALL); ALTER TABLE uniapi.%[2]s ATTACH PARTITION %[1]s FOR VALUES FROM ('%[3]s') TO ('%[4]s')`,
				name, table, month.Format(time.RFC3339), month.AddDate(0, 1, 0).Format(time.RFC3339))); err != nil {
				return err
			}
			var owner string
			mine := true
			if err := tx.QueryRow(ctx, `SELECT pg_get_userbyid(relowner)::text, pg_get_userbyid(relowner) = current_user FROM pg_class WHERE oid = ('uniapi.' || $1)::regclass`,
				table).Scan(&owner, &mine); err != nil {
				return err
			}
			if !mine {
				if _, err := tx.Exec(ctx, `ALTER TABLE `+name+` OWNER TO `+pgx.Identifier{owner}.Sanitize()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// dropParts drops what ends before a time of one table.
func dropParts(ctx context.Context, tx pgx.Tx, table string, before int64) error {
	rows, err := tx.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = ('uniapi.' || $1)::regclass`, table)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		month, err := time.Parse(table+"_2006_01", name)
		if err != nil || month.AddDate(0, 1, 0).Unix() > before {
			continue
		}
		if _, err := tx.Exec(ctx, `DROP TABLE uniapi.`+pgx.Identifier{name}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}
