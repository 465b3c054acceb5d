package usage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// version1 writes a ledger as version 1 did: a row for each minute and series, those before the last two days by the
// hour.
func version1(t *testing.T, dir string, at map[int64]Row, names []Name) {
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
			put("names", number, separated.write(n))
			put("numbers", separated.write(n), number)
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

func TestLedgerOfVersion1IsTakenOver(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	var r Row
	r[requests], r[promptTokens], r[cost] = 2, 30, 100
	hash := hashOf(secret)
	names := []Name{{ofRequests, hash, "p", "m", "e"}, {ofRequests, hash, "q", "n", "e"}, {Kind: ofAttempts, Who: "sk-…1", Provider: "p", Model: "m"}, {Kind: ofClients, Who: "127.0.0.1"}}
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
		flush(t, b)
		check()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// version2 makes the ledger in a folder one of version 2, as far as names go.
func version2(t *testing.T, dir string, edit func(names map[uint32][]byte)) {
	t.Helper()
	rewrite(t, dir, func(tx *bbolt.Tx) error {
		names := make(map[uint32][]byte)
		if err := tx.Bucket([]byte(tableNames)).ForEach(func(key, value []byte) error {
			n, err := lengthened.read(value)
			names[binary.BigEndian.Uint32(key)] = separated.write(n)
			return err
		}); err != nil {
			return err
		}
		edit(names)
		for number, value := range names {
			if err := tx.Bucket([]byte(tableNames)).Put(nameKey(number), value); err != nil {
				return err
			}
		}
		return tx.Bucket([]byte(tableMeta)).Put(keySchema, []byte{2})
	})
}

func TestLedgerOfVersion2ThatANameHasSpoiledOpens(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	credits := int64(1000)
	for _, model := range []string{"ok", "m?n", "last"} {
		configure(t, b, &credits, nil).Series("p", model, "e").Record(sample(1, 10))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	spoiled := 0
	version2(t, dir, func(names map[uint32][]byte) {
		for number, value := range names {
			if bytes.Contains(value, []byte("m?n")) {
				names[number] = bytes.ReplaceAll(value, []byte("?"), []byte{0})
				spoiled++
			}
		}
	})
	var log lineLog
	want := map[string]int64{"ok": 1, "last": 1}
	for run := range 3 {
		b = open(t, Options{Dir: dir, Log: log.logger()})
		k := configure(t, b, &credits, nil)
		if got := modelsOf(b); !maps.Equal(got, want) || b.Ledger().Damaged != int64(spoiled) {
			t.Errorf("run %d: the books have %v, with %d of %d rows damaged", run, got, b.Ledger().Damaged, spoiled)
		}
		if state, _ := b.State(secret); state.Spent != 30+10*int64(run) {
			t.Errorf("run %d: the key has spent %d", run, state.Spent)
		}
		// A new name must not be counted under the number of a lost one.
		model := fmt.Sprint("new ", run)
		k.Series("p", model, "e").Record(sample(1, 10))
		k.Spend(10)
		want[model] = 1
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := log.count("could not be read"); n != spoiled || spoiled != 2 {
		t.Errorf("%d lines tell of %d rows", n, spoiled)
	}
}

func TestLedgerOfALaterVersionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	l, err := openFile(dir, new(damages), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l.update(func(w writer) error { return w.put(tableMeta, keySchema, []byte{byte(len(migrations) + 1)}) })
	l.close()
	if _, err := Open(Options{Dir: dir, Log: quiet}); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Error(err)
	}
}
