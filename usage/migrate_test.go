package usage

import (
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// version1 writes a ledger as version 1 did: a row for each minute and series, those before the last two days by the hour.
func version1(t *testing.T, dir string, at map[int64]Row, names []name) {
	db, err := bbolt.Open(filepath.Join(dir, ledgerFile), 0o640, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bbolt.Tx) error {
		put := func(bucket string, key, value []byte) {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			if err == nil {
				err = b.Put(key, value)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		put("meta", []byte("schema"), []byte{1})
		put("credits", []byte(hashOf(secret)), binary.BigEndian.AppendUint64(nil, 5_000))
		for i, n := range names {
			number := binary.BigEndian.AppendUint32(nil, uint32(i+1))
			put("names", number, []byte(n.String()))
			put("numbers", []byte(n.String()), number)
			for m, r := range at {
				var value []byte
				for _, v := range r {
					value = binary.AppendVarint(value, v)
				}
				put("rows", append(binary.BigEndian.AppendUint32(nil, uint32(m)), number...), value)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestALedgerOfVersion1IsTakenOver(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	var r Row
	r[requests], r[promptTokens], r[cost] = 2, 30, 100
	hash := hashOf(secret)
	names := []name{{ofRequests, hash, "p", "m", "e"}, {ofRequests, hash, "q", "n", "e"}, {ofAttempts, "p", "m", "sk-…1", ""}, {kind: ofClients, a: "127.0.0.1"}}
	now := c.now().Unix() / 60
	version1(t, dir, map[int64]Row{now - 5*24*60: r, now - 5*24*60 + 60: r, now - 3: r}, names)
	for range 2 { // it is taken over once
		b := open(t, Options{Dir: dir, Now: c.now})
		credits := int64(10_000)
		configure(t, b, &credits, nil)
		check := func() {
			t.Helper()
			if n := requestsIn(b, time.Unix(0, 0), c.now()); n != 12 {
				t.Errorf("%d requests", n)
			}
			if n := requestsIn(b, c.now().Add(-time.Hour), c.now()); n != 4 {
				t.Errorf("%d requests in the last hour", n)
			}
			s := b.Stats(720)
			if s.Channel[0].Total != 6 || s.Models[0].Count != 6 || s.Addresses[0].Count != 6 {
				t.Errorf("%+v", s)
			}
			if state, _ := b.State(secret); state.Spent != 600 || state.Balance != 14_400 {
				t.Errorf("%+v", state)
			}
		}
		check()
		fold(t, b)
		check()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALedgerOfALaterVersionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	l, err := openLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.update(func(w writer) error { return w.put(tableMeta, keySchema, []byte{byte(len(migrations) + 1)}) })
	l.close()
	if _, err := Open(Options{Dir: dir, Log: quiet}); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Error(err)
	}
}
