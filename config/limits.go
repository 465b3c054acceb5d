package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// rateUnits are the windows of a rate limit, as uni-api spells them. Months have 30 days and years 365.
var rateUnits = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"mo": 30 * 24 * time.Hour, "month": 30 * 24 * time.Hour,
	"y": 365 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
}

// tokensPerRequest is the unit that limits the size of a request rather than their rate.
const tokensPerRequest = "tpr"

// rateLimit reads "15/min,10/day", and with them "200000 tokens/min, 5 usd/day, 8 concurrent".
func rateLimit(d *decoder, n *yaml.Node) (RateLimit, bool) {
	var limit RateLimit
	var list []string
	for _, each := range d.items(n) {
		if each.Kind != yaml.ScalarNode {
			d.fail(each, "", "%s must be a text such as 60/min, or a list of them, not %s", d.key, kindOf(each))
			return limit, false
		}
		list = append(list, each.Value)
	}
	good := true
	for item := range strings.SplitSeq(strings.Join(list, ","), ",") {
		item = strings.TrimSpace(item)
		count, unit, _ := strings.Cut(item, "/")
		value, err := strconv.ParseUint(count, 10, 63)
		window, known := rateUnits[unit]
		more, problem, isQuota := quota(item)
		switch {
		case err == nil && known:
			limit.Limits = append(limit.Limits, Limit{int64(value), window})
		case err == nil && unit == tokensPerRequest && value > 0:
			limit.TokensPerRequest = int64(value)
		case isQuota && problem == "" && more.Of == Requests && more.Zone == "":
			limit.Limits = append(limit.Limits, Limit{more.Count, more.Window})
		case isQuota && problem == "":
			limit.Quotas = append(limit.Quotas, more)
		default:
			good = false
			if problem == "" {
				problem = unitHint(item, unit)
			}
			d.fail(n, item, "%s: %s is no rate limit%s; write <count>/<unit> with a unit of s, min, hour, day, month, year or tpr (tokens per request), <count> tokens/<unit>, <dollars> usd/<unit> or <count> concurrent, several separated by commas; @ <time zone> behind one follows the calendar",
				d.key, shown(item), problem)
		}
	}
	return limit, good
}

func unitHint(item, unit string) string {
	plain := strings.ToLower(strings.TrimSpace(unit))
	if _, known := rateUnits[plain]; known && (plain != unit || strings.Contains(item, " ")) {
		return " (units are in lower case, without spaces)"
	}
	return ""
}

// sizeUnits are the suffixes of max_request_body_bytes in lower case.
var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1e3, "ki": 1 << 10, "kib": 1 << 10,
	"m": 1e6, "mb": 1e6, "mi": 1 << 20, "mib": 1 << 20,
	"g": 1e9, "gb": 1e9, "gi": 1 << 30, "gib": 1 << 30,
	"t": 1e12, "tb": 1e12, "ti": 1 << 40, "tib": 1 << 40,
}

// byteSize reads a size of the file.
func byteSize(d *decoder, n *yaml.Node) (int64, bool) {
	if !isPlain(n) {
		d.fail(n, "", "%s must be a size such as 20MB, not %s", d.key, kindOf(n))
		return 0, false
	}
	size, ok := ParseSize(n.Value)
	if !ok {
		d.fail(n, n.Value, "%s must be a size such as 20000000, 20MB or 20MiB, not %s", d.key, shown(n.Value))
	}
	return size, ok
}

// ParseSize reads 20000000, "20MB" or "1.5 MiB" as bytes, at least one.
func ParseSize(text string) (bytes int64, ok bool) {
	digits := strings.ReplaceAll(strings.TrimSpace(text), "_", "")
	unit := ""
	if end := strings.IndexFunc(digits, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end >= 0 {
		digits, unit = digits[:end], strings.ToLower(strings.TrimSpace(digits[end:]))
	}
	factor, known := sizeUnits[unit]
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known || f*factor < 1 || f*factor >= math.MaxInt64 {
		return 0, false
	}
	return int64(f * factor), true
}

// decimal reads an amount that is not negative as a whole number of units of 10^-places, without rounding.
func decimal(s string, places int) (int64, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if mantissa, power, is := cutPower(s); is {
		whole, fraction = shifted(mantissa, power)
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > places || whole+fraction == "" && !strings.Contains(s, "0") {
		return 0, false
	}
	v, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 63)
	return int64(v), err == nil
}

// cutPower reads a number such as 1.5e-05, as programs write small amounts.
func cutPower(s string) (mantissa string, power int, ok bool) {
	at := strings.IndexAny(s, "eE")
	if at <= 0 {
		return s, 0, false
	}
	power, err := strconv.Atoi(s[at+1:])
	return s[:at], power, err == nil && power >= -mostPower && power <= mostPower && strings.Trim(s[:at], "0123456789.") == ""
}

const mostPower = 18

// shifted is a number times a power of ten, before and behind the point.
func shifted(mantissa string, power int) (whole, fraction string) {
	whole, fraction, _ = strings.Cut(mantissa, ".")
	for ; power > 0; power-- {
		if fraction == "" {
			fraction = "0"
		}
		whole, fraction = whole+fraction[:1], fraction[1:]
	}
	for ; power < 0; power++ {
		if whole == "" {
			whole = "0"
		}
		whole, fraction = whole[:len(whole)-1], whole[len(whole)-1:]+fraction
	}
	return whole, fraction
}

// nanoDollarPlaces is how many decimals of a dollar money has.
const nanoDollarPlaces = 9

// mostMoney is a billion dollars, in nano-dollars: what may be added to it many times does not reach the end of an
// int64.
const mostMoney = 1e18

// money reads an amount of dollars as nano-dollars.
func money(d *decoder, n *yaml.Node) (int64, bool) {
	if !isPlain(n) {
		d.fail(n, "", "%s must be an amount of dollars, not %s", d.key, kindOf(n))
		return 0, false
	}
	v, ok := decimal(strings.ReplaceAll(n.Value, "_", ""), nanoDollarPlaces)
	if !ok || v > mostMoney {
		d.fail(n, n.Value, "%s must be an amount of dollars such as 10 or 2.50, not negative and at most a billion, not %s", d.key, shown(n.Value))
		return 0, false
	}
	return v, true
}

// timeForms are how people write created_at and expires_at; without a zone it is local time.
var timeForms = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-1-2",
}

func timestamp(d *decoder, n *yaml.Node) (time.Time, bool) {
	if !isPlain(n) {
		d.fail(n, "", "%s must be a date, not %s", d.key, kindOf(n))
		return time.Time{}, false
	}
	moment, zone, zoned := strings.Cut(n.Value, "@")
	at := time.Local
	if zoned {
		var err error
		if zone = strings.TrimSpace(zone); zone != "" {
			at, err = time.LoadLocation(zone)
		}
		if zone == "" || err != nil {
			d.fail(n, n.Value, "%s: behind @ goes a time zone such as Europe/Berlin or UTC, not %s", d.key, shown(zone))
			return time.Time{}, false
		}
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, strings.TrimSpace(moment), at); err == nil {
			return t, true
		}
	}
	d.fail(n, n.Value, "%s must be a date such as 2024-07-01T00:00:00+08:00 or 2024-07-01 @ Europe/Berlin, not %s", d.key, shown(n.Value))
	return time.Time{}, false
}
