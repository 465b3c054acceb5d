package price

import (
	"encoding/json"
	"strings"
	"time"
)

// litellmOffPeak is what litellm's list has of prices at some hours, as its page on off-peak pricing has it: hours_utc
// on all days, and those of windows on some, which are the days of the moment, not those on which a window begins.
type litellmOffPeak struct {
	Hours   oneOrMore `json:"hours_utc"`
	Zone    string    `json:"weekday_timezone"` // whose days weekdays are
	Windows []struct {
		Hours oneOrMore         `json:"hours_utc"`
		Days  []json.RawMessage `json:"weekdays"` // nil is all
	} `json:"windows"`
}

// oneOrMore is a text or a list of them.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		*o = make([]string, 1)
		return json.Unmarshal(raw, &(*o)[0])
	}
	return json.Unmarshal(raw, (*[]string)(o))
}

// appendOffPeak adds the prices of some hours. Hours that cannot be told in the zone of their days are left out, and so
// are those that nobody can read: then the other price holds, which is the dearer.
func appendOffPeak(words []string, raw json.RawMessage) []string {
	var off litellmOffPeak
	row := membersOf(raw)
	if row == nil || json.Unmarshal(raw, &off) != nil {
		return words
	}
	ahead, ok := minutesAhead(off.Zone)
	if !ok {
		return words
	}
	if off.Zone == "" {
		off.Zone = "UTC"
	}
	var windows []string
	add := func(days string, hours []string) {
		for _, text := range hours {
			w, fine := readWindow(text)
			if !fine || strings.Contains(text, " ") {
				ok = false
				return
			}
			windows = append(windows, splitAtMidnight(days, w, ahead)...)
		}
	}
	add("", off.Hours)
	for _, w := range off.Windows {
		days, fine := weekdays(w.Days)
		if !fine {
			return words
		}
		add(days, w.Hours)
	}
	if !ok || len(windows) == 0 {
		return words
	}
	priced := len(words)
	for key, name := range litellmTokens {
		words = appendWord(words, offPeakName, name, row[key], 6)
	}
	if len(words) == priced {
		return words
	}
	return append(words, offPeakName+"="+strings.Join(windows, ";")+"@"+off.Zone)
}

// minutesAhead is how far a zone is ahead of UTC; false if that changes with the season.
func minutesAhead(zone string) (int, bool) {
	if zone == "" {
		return 0, true
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return 0, false
	}
	year := time.Now().Year()
	_, winter := time.Date(year, 1, 1, 0, 0, 0, 0, location).Zone()
	_, summer := time.Date(year, 7, 1, 0, 0, 0, 0, location).Zone()
	return winter / 60, winter == summer
}

// splitAtMidnight writes a window of UTC in the zone that is so far ahead, as windows that do not go beyond midnight
// there.
func splitAtMidnight(days string, w window, ahead int) (list []string) {
	if days != "" {
		days += "_"
	}
	if w.to-w.from == minutesOfDay {
		return []string{days + "00:00-24:00"}
	}
	from := (w.from + ahead + minutesOfDay) % minutesOfDay
	to := from + w.to - w.from
	if to > minutesOfDay {
		list = append(list, days+clockOf(0)+"-"+clockOf(to-minutesOfDay))
		to = minutesOfDay
	}
	return append(list, days+clockOf(from)+"-"+clockOf(to))
}

// weekdays writes days that are told by number, from Monday on, or by name.
func weekdays(list []json.RawMessage) (string, bool) {
	if list == nil {
		return "", true
	}
	var days []string
	for _, raw := range list {
		var number int
		var name string
		switch {
		case json.Unmarshal(raw, &number) == nil && number >= 1 && number <= 7:
			days = append(days, dayNames[number%7])
		case json.Unmarshal(raw, &name) == nil && len(name) >= 3 && dayOf(strings.ToLower(name[:3])) >= 0:
			days = append(days, strings.ToLower(name[:3]))
		default:
			return "", false
		}
	}
	return strings.Join(days, ","), len(days) > 0
}
