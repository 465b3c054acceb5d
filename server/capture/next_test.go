package capture

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNextGivesTheFirstRequestOfAKeyToWhoWaitsForIt(t *testing.T) {
	var n Next
	if n.Some() || n.Claim("a") != nil {
		t.Error("somebody waits before anybody has come")
	}
	w, err := n.Want([]string{"a", "b"}, time.Hour, time.Hour)
	if err != nil || !n.Some() {
		t.Fatal(err)
	}
	if come, e := w.Stands(); come || e != nil {
		t.Error("it has come before it was asked")
	}
	if n.Claim("c") != nil {
		t.Error("a request of another key was taken")
	}
	if n.Claim("b") != w || n.Claim("a") != nil || n.Some() {
		t.Error("not the first one, or more than that")
	}
	if come, e := w.Stands(); !come || e != nil {
		t.Error("it is not under way")
	}
	e := new(Exchange)
	w.Bring(e)
	<-w.Done
	if _, got := n.Find(w.ID).Stands(); got != e {
		t.Errorf("there is %v", got)
	}
	if w.GiveUp(); n.Find(w.ID) != nil {
		t.Error("it is still there")
	}
}

func TestNextIsBoundedInNumberAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Next
		var all []*Want
		for range mostWanted {
			w, err := n.Want([]string{"a"}, time.Minute, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, w)
		}
		if _, err := n.Want([]string{"a"}, time.Minute, time.Hour); !errors.Is(err, ErrTooManyWanted) {
			t.Errorf("one more: %v", err)
		}
		time.Sleep(time.Minute)
		if n.Claim("a") != nil || n.Some() || !all[0].Over() {
			t.Error("a request is taken behind its time")
		}
		for _, w := range all[1:] {
			w.GiveUp()
		}
		time.Sleep(59 * time.Minute) // nobody has asked about the first one
		synctest.Wait()
		if n.Find(all[0].ID) != nil {
			t.Error("what nobody asks about is held")
		}
		w, err := n.Want([]string{"a"}, time.Hour, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 { // it is asked about
			if time.Sleep(50 * time.Second); n.Find(w.ID) != w {
				t.Fatal("it was given up")
			}
		}
		n.Claim("a")
		time.Sleep(time.Minute)
		synctest.Wait()
		if n.Find(w.ID) != nil {
			t.Error("one whose request has come is held although nobody asks about it")
		}
		w.Bring(new(Exchange)) // the request ends later
	})
}

func TestNextIsTakenOnceByRequestsBesideEachOther(t *testing.T) {
	var n Next
	w, err := n.Want([]string{"a"}, time.Hour, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	claimed := make(chan *Want, 8)
	for range 8 {
		all.Go(func() { claimed <- n.Claim("a") })
	}
	all.Wait()
	close(claimed)
	times := 0
	for got := range claimed {
		if got == w {
			times++
		}
	}
	if times != 1 {
		t.Errorf("%d requests have taken it", times)
	}
	w.GiveUp()
}
