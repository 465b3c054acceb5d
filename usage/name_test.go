package usage

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// oddNames are names of models that a provider may list, or a file have.
var oddNames = []string{"m", "", "\x00", "a\x00b", "\x00\x00\x00", "line\nline", "\xff\xfe", "é\u2028", "…", strings.Repeat("long", 16<<10), strings.Repeat("é", 200),
	strings.Repeat("long", 16<<10) + "er"}

func FuzzName(f *testing.F) {
	for _, odd := range oddNames {
		f.Add(byte(ofRequests), "k", odd, "m", odd)
	}
	f.Fuzz(func(t *testing.T, kind_ byte, a, b, c, d string) {
		n := Name{Kind(kind_), a, b, c, d}
		if got, err := lengthened.read(lengthened.write(n)); err != nil || got != n {
			t.Fatalf("%+v became %+v, %v", n, got, err)
		}
		short := n.bounded()
		if short.long() || short.bounded() != short {
			t.Fatalf("%+v is still too long: %+v", n, short)
		}
		if !n.long() && short != n {
			t.Fatalf("%+v was changed to %+v", n, short)
		}
	})
}

func FuzzNameForms(f *testing.F) {
	f.Add(lengthened.write(Name{ofRequests, "k", "p", "m", "e"}))
	f.Add([]byte("r\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, form := range []nameForm{lengthened, separated} {
			if n, err := form.read(data); err == nil {
				if again, err := form.read(form.write(n)); err != nil || again != n {
					t.Fatalf("%q is %+v, and then %+v, %v", data, n, again, err)
				}
			}
		}
	})
}

// modelsOf are the models that the books know, with their requests.
func modelsOf(b *Books) map[string]int64 {
	models := make(map[string]int64)
	for _, m := range b.Stats(1).Models {
		models[m.Model] += m.Count
	}
	return models
}

func TestModelsBeyondThoseThatAreToldApartAreCountedTogether(t *testing.T) {
	const most = 50
	b := open(t, Options{Memory: true, Series: most})
	k := configure(t, b, nil, nil)
	k.Series("p", "known", "e").Record(sample(1, 1))
	for n := range 2 * most { // which take no place from models
		b.Seen(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}))
	}
	for n := range most - 1 {
		k.Series("p", fmt.Sprint("some ", n), "e").Record(sample(1, 1))
	}
	for n := range 100 {
		k.Series("p", fmt.Sprint("new ", n), "e").Record(sample(1, 1))
		b.Attempt("p", fmt.Sprint("new ", n), "", true)
		k.Series("p", "known", "e").Record(sample(1, 1))
	}
	if got := modelsOf(b); got["known"] != 101 || got[otherModels] != 100 || len(got) != most+1 || b.Stats(1).Channel[0].Total != 100 {
		t.Errorf("the books have %v", got)
	}
	if n := b.table.count.Load(); n != most {
		t.Errorf("there are %d series where %d may be", n, most)
	}
}

// FuzzNames writes two names of models through a ledger, and reads them in another process' life.
func FuzzNames(f *testing.F) {
	for i, odd := range oddNames {
		f.Add(odd, oddNames[(i+1)%len(oddNames)])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		dir := t.TempDir()
		b := open(t, Options{Dir: dir})
		want := map[string]int64{}
		for _, model := range []string{first, second} {
			for range 2 {
				configure(t, b, nil, nil).Series(model, model, model).Record(sample(1, 10))
				b.Attempt(model, model, model, true)
				want[boundedWord(model)]++
			}
		}
		for range 2 {
			if got := modelsOf(b); !maps.Equal(got, want) {
				t.Fatalf("the books have %.200v, not %.200v", fmt.Sprint(got), fmt.Sprint(want))
			}
			if first != "" {
				if u := b.TokenUsage(secret, first, time.Unix(0, 0), time.Now().Add(time.Hour)); len(u) != 1 || u[0].Requests < 2 {
					t.Fatalf("of %.50q the books have %+v", first, u)
				}
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = open(t, Options{Dir: dir})
			configure(t, b, nil, nil)
			if n := b.Ledger().Damaged; n != 0 {
				t.Fatalf("%d rows are damaged", n)
			}
		}
	})
}

// What a ledger has stays readable: the order of the words is that of the kind.
func TestNamesStandInTheLedgerInTheOrderOfTheirKind(t *testing.T) {
	for _, c := range []struct {
		name Name
		want string
	}{
		{Name{Kind: ofRequests, Who: "k", Provider: "p", Model: "m", Endpoint: "e"}, "r\x01k\x01p\x01m\x01e"},
		{Name{Kind: ofAttempts, Who: "sk-…1", Provider: "p", Model: "m"}, "a\x01p\x01m\x07sk-…1\x00"},
		{Name{Kind: ofClients, Who: "192.0.2.1"}, "i\x09192.0.2.1\x00\x00\x00"},
	} {
		data := lengthened.write(c.name)
		if string(data) != c.want {
			t.Errorf("%+v is written as %q", c.name, data)
		}
		if read, err := lengthened.read(data); err != nil || read != c.name {
			t.Errorf("%q is read as %+v, %v", data, read, err)
		}
	}
}
