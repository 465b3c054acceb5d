package idempotency

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var usual = Limits{Entries: 4, Bytes: 64 << 10, Answer: 16 << 10, Time: time.Minute}

func sum(n byte) Sum { return Sum{n} }

// answered has a request served, in pieces.
func answered(t *testing.T, s *Store, key byte, status int, pieces ...string) {
	t.Helper()
	c, _, verdict := s.Claim("o", sum(key), sum(1))
	if verdict != First {
		t.Fatalf("key %d: verdict %d", key, verdict)
	}
	for _, p := range pieces {
		c.Add([]byte(p))
	}
	if status != 0 {
		c.Whole(status, "text/plain")
	}
	c.End(status)
}

func (s *Store) check(t *testing.T, entries int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes, moving, owners := 0, 0, map[string]stock{}
	for _, c := range s.entries {
		of := owners[c.owner.name]
		if of.bytes += c.reserved; c.ended == nil {
			of.moving += c.reserved
			of.under++
		}
		owners[c.owner.name] = of
		if bytes += c.reserved; c.ended == nil {
			moving += c.reserved
		}
		if held := cap(c.body) + cap(c.told.Body) + entryBytes; c.reserved != held {
			t.Errorf("%d bytes are reserved for %d", c.reserved, held)
		}
	}
	for name, o := range s.owners {
		if o.stock != owners[name] || o.entries == 0 {
			t.Errorf("owner %s has %+v, not %+v", name, o.stock, owners[name])
		}
	}
	if len(s.owners) != len(owners) {
		t.Errorf("%d owners, not %d", len(s.owners), len(owners))
	}
	if len(s.entries) != entries || s.bytes != bytes || s.moving != moving || s.bytes > s.limits.Bytes {
		t.Errorf("%d entries, %d bytes and %d under way; want %d, %d and %d", len(s.entries), s.bytes, s.moving, entries, bytes, moving)
	}
}

func TestClaimTellsWhatBecomesOfARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(usual)
		c, _, verdict := s.Claim("o", sum(1), sum(1))
		if verdict != First {
			t.Fatal(verdict)
		}
		if same, _, verdict := s.Claim("o", sum(1), sum(1)); verdict != UnderWay || same.Done() != c.Done() {
			t.Error(verdict)
		}
		if _, _, verdict := s.Claim("o", sum(1), sum(2)); verdict != Conflict {
			t.Error("another request under way:", verdict)
		}
		c.Add([]byte("an "))
		c.Add([]byte("answer"))
		c.Whole(200, "text/plain")
		c.End(200)
		<-c.Done()
		if _, a, verdict := s.Claim("o", sum(1), sum(1)); verdict != Replayed || a.Status != 200 || a.ContentType != "text/plain" || string(a.Body) != "an answer" {
			t.Error(verdict, a)
		}
		if _, _, verdict := s.Claim("o", sum(1), sum(2)); verdict != Conflict {
			t.Error("another request behind it:", verdict)
		}
		time.Sleep(usual.Time + time.Second)
		synctest.Wait()
		s.check(t, 0)
		if _, _, verdict := s.Claim("o", sum(1), sum(2)); verdict != First {
			t.Error("after its time:", verdict)
		}
	})
}

func TestClaimBeginsAnewBehindWhatIsNotKept(t *testing.T) {
	for name, end := range map[string]func(*Claim){
		"nothing was told":               func(c *Claim) { c.End(500) },
		"it was told, and ended another": func(c *Claim) { c.Add([]byte("x")); c.Whole(200, ""); c.End(500) },
		"ended twice":                    func(c *Claim) { c.Add([]byte("x")); c.End(500); c.Whole(500, ""); c.End(500) },
	} {
		s := New(usual)
		c, _, _ := s.Claim("o", sum(1), sum(1))
		end(c)
		<-c.Done()
		s.check(t, 0)
		if _, _, verdict := s.Claim("o", sum(1), sum(2)); verdict != First {
			t.Errorf("%s: %d", name, verdict)
		}
	}
}

func TestStoreForgetsTheOldestForWantOfRoom(t *testing.T) {
	s := New(usual)
	for key := range byte(6) { // of which four may be there
		answered(t, s, key, 200, "a")
	}
	s.check(t, 4)
	for key := range byte(6) {
		if _, _, verdict := s.Claim("o", sum(key), sum(1)); (verdict == Replayed) != (key >= 2) {
			t.Errorf("key %d: %d", key, verdict)
		}
		if key == 1 {
			break // a claim would throw out the next one
		}
	}
	s = New(Limits{Entries: 100, Bytes: 64 << 10, Answer: 20 << 10, Time: time.Minute})
	long := string(bytes.Repeat([]byte("x"), 19<<10))
	for key := range byte(5) { // of which three find room
		answered(t, s, key, 200, long)
	}
	s.check(t, 3)
	if _, _, verdict := s.Claim("o", sum(4), sum(1)); verdict != Replayed {
		t.Error("the last one is gone:", verdict)
	}
}

func TestStoreKeepsNoAnswerThatIsTooLong(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), usual.Answer/2+1))
	for name, pieces := range map[string][]string{"at once": {long + long}, "in pieces": {long, long, "x"}} {
		s := New(usual)
		answered(t, s, 1, 200, pieces...)
		s.check(t, 1)
		if _, a, verdict := s.Claim("o", sum(1), sum(1)); verdict != NotKept || a.Body != nil {
			t.Errorf("%s: %d, %d bytes", name, verdict, len(a.Body))
		}
	}
}

func TestStoreIsFullOfWhatIsUnderWay(t *testing.T) {
	s := New(usual)
	var claims []*Claim
	for key := range byte(4) {
		c, _, _ := s.Claim(string(key), sum(key), sum(1))
		claims = append(claims, c)
	}
	if _, _, verdict := s.Claim("o", sum(9), sum(1)); verdict != Full {
		t.Error(verdict)
	}
	for _, c := range claims { // together more than there may be
		c.Add(make([]byte, usual.Answer))
		c.Whole(200, "")
	}
	s.check(t, 4)
	for _, c := range claims {
		c.End(200)
	}
	s.check(t, 4)
	if _, _, verdict := s.Claim("o", sum(3), sum(1)); verdict != NotKept {
		t.Error("there was no room for the last one:", verdict)
	}
}

func TestStoreServesEachKeyOnceAtATime(t *testing.T) {
	s := New(Limits{Entries: 8, Bytes: 1 << 20, Answer: 1 << 10, Time: time.Minute})
	var serving [4]atomic.Int32
	var served atomic.Int32
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			key := byte(i % 4)
			want := fmt.Sprint("answer ", key)
			for {
				c, a, verdict := s.Claim("o", sum(key), sum(1))
				switch verdict {
				case First:
					if serving[key].Add(1) != 1 {
						t.Error("two at a time")
					}
					n := served.Add(1)
					c.Add([]byte(want))
					serving[key].Add(-1)
					if n%2 == 0 { // else it failed
						c.Whole(200, "")
					}
					c.End(200)
					return
				case Replayed:
					if string(a.Body) != want {
						t.Errorf("%q", a.Body)
					}
					return
				case UnderWay:
					<-c.Done()
				default:
					t.Error(verdict)
					return
				}
			}
		})
	}
	all.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moving != 0 {
		t.Errorf("%d bytes are under way", s.moving)
	}
}

// kept is how many of an owner's keys are still there.
func (s *Store) keptOf(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners[name] == nil {
		return 0
	}
	return s.owners[name].kept.Len()
}

func TestStoreTakesFromWhoeverHasTheMost(t *testing.T) {
	serve := func(s *Store, owner string, key byte, size int) Verdict {
		c, _, verdict := s.Claim(owner, Sum{key, owner[0]}, sum(1))
		if verdict == First {
			c.Add(make([]byte, size))
			c.Whole(200, "")
			c.End(200)
		}
		return verdict
	}
	for name, limits := range map[string]Limits{
		"entries": {Entries: 8, Bytes: 1 << 20, Answer: 16 << 10, Time: time.Minute},
		"bytes":   {Entries: 100, Bytes: 8 * (4<<10 + entryBytes), Answer: 16 << 10, Time: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(limits)
			serve(s, "modest", 0, 4<<10)
			for key := range byte(50) { // who is greedy pushes out his own
				if verdict := serve(s, "greedy", key, 4<<10); verdict != First {
					t.Fatalf("greedy, %d: %d", key, verdict)
				}
			}
			if n, greedy := s.keptOf("modest"), s.keptOf("greedy"); n != 1 || greedy != 7 {
				t.Errorf("modest has %d, greedy %d", n, greedy)
			}
			for key := range byte(20) { // and makes room for whoever comes, up to the same
				serve(s, "other", key, 4<<10)
			}
			if n, greedy, other := s.keptOf("modest"), s.keptOf("greedy"), s.keptOf("other"); n != 1 || greedy < 3 || greedy > 4 || other < 3 || other > 4 {
				t.Errorf("modest has %d, greedy %d, other %d", n, greedy, other)
			}
			if stats := s.Stats(); stats.Entries != 8 || stats.Forgotten != 63 || stats.Bytes != 8*(4<<10+entryBytes) {
				t.Errorf("%+v", stats)
			}
			s.check(t, 8)
		})
	}
}

func TestStoreLeavesRoomForWhatOthersHaveUnderWay(t *testing.T) {
	s := New(Limits{Entries: 9, Bytes: 90 << 10, Answer: 30 << 10, Time: time.Minute})
	var claims []*Claim
	for key := range byte(9) {
		c, _, verdict := s.Claim("greedy", Sum{key}, sum(1))
		if verdict == First {
			claims = append(claims, c)
		} else if verdict != Full {
			t.Fatal(verdict)
		}
	}
	if len(claims) != 6 {
		t.Errorf("%d are under way", len(claims))
	}
	for _, c := range claims {
		c.Add(make([]byte, 25<<10))
	}
	c, _, verdict := s.Claim("modest", Sum{99}, sum(1))
	if verdict != First {
		t.Fatal(verdict)
	}
	c.Add(make([]byte, 20<<10))
	c.Whole(200, "")
	c.End(200)
	if _, a, verdict := s.Claim("modest", Sum{99}, sum(1)); verdict != Replayed || len(a.Body) != 20<<10 {
		t.Error(verdict)
	}
	s.check(t, 7)
}
