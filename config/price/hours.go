package price

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Hours are the times of the week at which a price holds, by the clocks of a time zone.
type Hours struct {
	windows []window
	zone    *time.Location
}

// window is a part of the day, in minutes since midnight, on some days of the week. One that ends before it begins goes
// on into the next day.
type window struct {
	days     [7]bool // from Sunday on, of those on which it begins
	from, to int
}

const minutesOfDay = 24 * 60

var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ReadHours reads windows such as "16:30-00:30", "mon-fri 9:00-17:00" or "sat,sun", by the clocks of a time zone; "" is
// UTC. An end that is the beginning is that of the next day.
func ReadHours(windows []string, zone string) (*Hours, error) {
	h := &Hours{zone: time.UTC}
	if zone != "" {
		var err error
		if h.zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
			return nil, fmt.Errorf("%q is no time zone; write one such as Europe/Berlin or UTC", zone)
		}
	}
	if len(windows) == 0 {
		return nil, errors.New(`there are no hours; write windows such as "16:30-00:30" or "mon-fri 9:00-17:00"`)
	}
	for _, text := range windows {
		w, ok := readWindow(text)
		if !ok {
			return nil, fmt.Errorf(`%q are no hours; write a window such as "16:30-00:30", "mon-fri 9:00-17:00" or "sat,sun"`, text)
		}
		h.windows = append(h.windows, w)
	}
	return h, nil
}

func readWindow(text string) (w window, ok bool) {
	fields := strings.Fields(strings.ToLower(text))
	if len(fields) == 0 || len(fields) > 2 {
		return w, false
	}
	hours := fields[len(fields)-1]
	if !strings.Contains(hours, ":") { // days alone
		if len(fields) > 1 {
			return w, false
		}
		w.to = minutesOfDay
		return w, w.setDays(hours)
	}
	days := "sun-sat"
	if len(fields) == 2 {
		days = fields[0]
	}
	from, to, both := strings.Cut(hours, "-")
	var fine [2]bool
	w.from, fine[0] = clock(from)
	w.to, fine[1] = clock(to)
	if w.from == minutesOfDay {
		return w, false
	}
	if w.to <= w.from {
		w.to += minutesOfDay
	}
	return w, both && fine[0] && fine[1] && w.setDays(days)
}

// clock reads 16:30, and 24:00 as the end of a day.
func clock(text string) (minutes int, ok bool) {
	hour, minute, _ := strings.Cut(text, ":")
	h, err := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	if err != nil || err2 != nil || len(hour) > 2 || len(minute) != 2 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, false
	}
	return int(h*60 + m), true
}

// setDays reads "mon", "mon-fri", "fri-mon" or "sat,sun".
func (w *window) setDays(text string) bool {
	for item := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		from, to := dayOf(first), dayOf(last)
		if from < 0 || to < 0 {
			return false
		}
		for day := from; ; day = (day + 1) % 7 {
			w.days[day] = true
			if day == to {
				break
			}
		}
	}
	return true
}

func dayOf(name string) int {
	for i, n := range dayNames {
		if name == n {
			return i
		}
	}
	return -1
}

// Include says whether a time, in seconds since 1970, is within the hours. It goes by what clocks show: an hour that
// they show twice is in both times.
func (h *Hours) Include(at int64) bool {
	t := time.Unix(at, 0).In(h.zone)
	day, minute := int(t.Weekday()), t.Hour()*60+t.Minute()
	before := (day + 6) % 7
	for i := range h.windows {
		w := &h.windows[i]
		if w.days[day] && w.from <= minute && minute < w.to || w.days[before] && minute+minutesOfDay < w.to {
			return true
		}
	}
	return false
}

// Throughout says whether all of a time or none of it is within the hours.
func (h *Hours) Throughout(from, to int64) bool {
	within := h.Include(from)
	for at := from - from%60 + 60; at < to; at += 60 { // windows begin and end at whole minutes
		if h.Include(at) != within {
			return false
		}
	}
	return true
}

// String is the hours as they are written.
func (h *Hours) String() string {
	var list []string
	for i := range h.windows {
		list = append(list, h.windows[i].String())
	}
	return strings.Join(list, ", ") + " " + h.zone.String()
}

func (w *window) String() string {
	var days []string
	for i := range 7 {
		day := (i + 1) % 7 // from Monday on
		if !w.days[day] || w.days[(day+6)%7] {
			continue
		}
		last := day
		for w.days[(last+1)%7] {
			last = (last + 1) % 7
		}
		name := dayNames[day]
		if last != day {
			name += "-" + dayNames[last]
		}
		days = append(days, name)
	}
	to := w.to
	if to > minutesOfDay {
		to -= minutesOfDay
	}
	hours := clockOf(w.from) + "-" + clockOf(to)
	if days == nil { // each follows another
		return hours
	}
	return strings.Join(days, ",") + " " + hours
}

func clockOf(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
