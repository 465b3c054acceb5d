package price

import (
	"strings"
	"testing"
	"time"
)

func TestHoursIncludeWhatClocksShow(t *testing.T) {
	for _, test := range []struct {
		windows, zone string
		in, out       string // times of UTC
	}{
		{"16:30-00:30", "", "2026-03-02 16:30, 2026-03-02 23:59, 2026-03-03 00:00, 2026-03-03 00:29", "2026-03-02 16:29, 2026-03-03 00:30, 2026-03-03 12:00"},
		{"mon-fri 16:30-00:30", "UTC", "2026-03-02 16:30, 2026-03-07 00:29", "2026-03-02 00:10, 2026-03-07 16:30, 2026-03-08 00:10"}, // Friday's goes on into Saturday
		{"Sun-Mon 22:00-02:00", "UTC", "2026-03-01 22:00, 2026-03-02 01:59, 2026-03-02 23:00, 2026-03-03 01:00", "2026-03-01 01:00, 2026-03-03 22:00"},
		{"sat,sun", "Asia/Shanghai", "2026-03-06 16:00, 2026-03-08 15:59", "2026-03-06 15:59, 2026-03-08 16:00"},
		{"fri-sun 10:00-24:00|00:00-01:00", "UTC", "2026-03-08 23:59, 2026-03-04 00:59", "2026-03-05 10:00, 2026-03-04 01:00"},
		{"9:00-9:00", "", "2026-03-02 09:00, 2026-03-02 08:59", ""},
		{"mon 9:00-9:00", "", "2026-03-02 09:00, 2026-03-03 08:59", "2026-03-02 08:59, 2026-03-03 09:00"},
		// Berlin puts its clocks from 2 to 3 o'clock on 29 March 2026, 1:00 of UTC, and from 3 to 2 on 25 October, 1:00
		// of UTC.
		{"02:00-03:00", "Europe/Berlin", "2026-03-28 01:00, 2026-03-28 01:59, 2026-03-30 00:00, 2026-10-25 00:00, 2026-10-25 00:59, 2026-10-25 01:00, 2026-10-25 01:59", "2026-03-29 00:59, 2026-03-29 01:00, 2026-03-29 02:00, 2026-10-25 02:00"},
		{"sat 23:00-03:00", "Europe/Berlin", "2026-03-28 22:00, 2026-03-29 00:59, 2026-10-24 21:00, 2026-10-25 01:59", "2026-03-28 21:59, 2026-03-29 01:00, 2026-10-25 02:00"},
		{"00:00-06:00", "Asia/Kolkata", "2026-03-01 18:30, 2026-03-02 00:29", "2026-03-01 18:29, 2026-03-02 00:30"},
	} {
		h, err := ReadHours(strings.Split(test.windows, "|"), test.zone)
		if err != nil {
			t.Error(test.windows, err)
			continue
		}
		again, err := ReadHours(strings.Split(strings.TrimSuffix(h.String(), " "+h.zone.String()), ", "), test.zone)
		if err != nil {
			t.Errorf("%s is written as %s: %v", test.windows, h, err)
			continue
		}
		for want, list := range map[bool]string{true: test.in, false: test.out} {
			for text := range strings.SplitSeq(list, ", ") {
				if text == "" {
					continue
				}
				at, err := time.Parse("2006-01-02 15:04", text)
				if err != nil {
					t.Fatal(err)
				}
				if h.Include(at.Unix()) != want || again.Include(at.Unix()) != want {
					t.Errorf("%s %s (%s) at %s: want %v", test.windows, test.zone, h, text, want)
				}
			}
		}
	}
}

func TestReadHoursRefusesWhatAreNone(t *testing.T) {
	for _, text := range []string{"", "16:30", "25:00-1:00", "24:00-1:00", "1:60-2:00", "1:0-2:00", "001:00-2:00", "-1:00-2:00", "mon", "mon-", "mon-fry 1:00-2:00", "1:00-2:00 mon", "mon tue 1:00-2:00", ",sat", "sat,,sun", "1:00-2:00-3:00", "+1:00-2:00"} {
		if h, err := ReadHours([]string{text}, ""); err == nil && text != "mon" {
			t.Errorf("%q: %s", text, h)
		}
	}
	for _, zone := range []string{"Mars", "Local", "../etc/passwd", "Europe"} {
		if _, err := ReadHours([]string{"1:00-2:00"}, zone); err == nil {
			t.Errorf("zone %q is taken", zone)
		}
	}
	if _, err := ReadHours(nil, ""); err == nil {
		t.Error("no hours are taken")
	}
}

func TestForChoosesByTheTimeOfDay(t *testing.T) {
	p, err := parse("input=8 output=8 >100:input=9 off_peak=mon_10:00-12:00@UTC off_peak:input=1 off_peak:>100:input=2 off_peak:flex:input=3 flex:input=4 priority:input=16")
	if err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC).Unix()
	for _, test := range []struct {
		prompt  int64
		service string
		at      int64
		want    int64
	}{
		{1, "", 0, 8}, {101, "", monday + 3600, 9}, {1, "", monday, 1}, {101, "", monday, 2}, {1, "flex", monday, 3}, {1, "flex", monday - 3601, 4}, {1, "priority", monday, 16}, {1, "fast", monday, 16}, {1, "ultrafast", 0, 16}, {1, "other", monday, 1},
	} {
		if got := p.For(test.prompt, test.service, test.at).Input; got != test.want*1_000_000 {
			t.Errorf("%d tokens, %q, %d: %d, want %d", test.prompt, test.service, test.at, got, test.want)
		}
	}
	if _, err := parse("input=8 off_peak:input=1"); err == nil {
		t.Error("a price of no hours is taken")
	}
}

func TestDuringTellsWhatHoldsAllTheTime(t *testing.T) {
	p, err := parse("input=8 output=8 off_peak=16:30-00:30@UTC off_peak:input=1")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Unix()
	for _, test := range []struct {
		from, length int64
		want         int64
		told         bool
	}{
		{day + 17*3600, 3600, 1, true}, {day + 3600, 3600, 8, true}, {day + 16*3600, 3600, 8, false}, {day, 86400, 8, false}, {day + 16*3600 + 29*60, 60, 8, true}, {day + 16*3600 + 30*60, 60, 1, true},
	} {
		if of, told := p.During(test.from, test.from+test.length); of.Input != test.want*1_000_000 || told != test.told {
			t.Errorf("%d for %d: %d, %v", (test.from-day)/60, test.length, of.Input, told)
		}
	}
}

func FuzzReadHours(f *testing.F) {
	f.Add("mon-fri 16:30-00:30", "Europe/Berlin", int64(1772409600))
	f.Add("sat,sun", "", int64(0))
	f.Fuzz(func(t *testing.T, text, zone string, at int64) {
		h, err := ReadHours([]string{text}, zone)
		if err != nil {
			return
		}
		within := h.Include(at)
		again, err := ReadHours(strings.Split(strings.TrimSuffix(h.String(), " "+h.zone.String()), ", "), zone)
		if err != nil || again.Include(at) != within {
			t.Errorf("%q is written as %q, which is another: %v", text, h, err)
		}
	})
}
