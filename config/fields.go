package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// field is one key that a level of the file knows, and what takes its value. Every level is a table of fields.
type field[T any] struct {
	key  string
	read func(d *decoder, n *yaml.Node, into *T)
}

// reader makes a value of a node, or notes why it cannot. The node is neither an alias nor null.
type reader[V any] func(d *decoder, n *yaml.Node) (V, bool)

// take is the field whose value goes where at points.
func take[T, V any](key string, read reader[V], at func(*T) *V) field[T] {
	return field[T]{key, func(d *decoder, n *yaml.Node, into *T) {
		if v, ok := read(d, n); ok {
			*at(into) = v
		}
	}}
}

// ignore is a field that is known and has no meaning here.
func ignore[T any](key string) field[T] {
	return field[T]{key, func(*decoder, *yaml.Node, *T) {}}
}

// level reads the mapping n by its table. A key without a value counts as absent; one that is not in the table is a
// warning, and an error if it belongs elsewhere. where names the level in messages.
func level[T any](d *decoder, n *yaml.Node, where string, fields []field[T], into *T) bool {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "", "%s must be a mapping (key: value), not %s", where, kindOf(n))
		return false
	}
	outer := d.key
	defer func() { d.key = outer }()
next:
	for _, p := range d.pairs(n) {
		for i := range fields {
			if fields[i].key == p.key {
				if !isNull(p.value) {
					d.key = p.key
					fields[i].read(d, p.value, into)
				}
				continue next
			}
		}
		known := make([]string, len(fields))
		for i := range fields {
			known[i] = fields[i].key
		}
		unknown := d.warn
		if len(homes[p.key]) > 0 {
			unknown = d.wrong // it does something elsewhere, and nobody would notice that it does nothing here
		}
		unknown(p.at, p.key, "unknown key %s in %s%s", shown(p.key), where, belongs(p.key, known))
	}
	return true
}

// without is a field that is read and checked, and that its author must do without: what says what to do.
func without[T any](f field[T], what string) field[T] {
	return field[T]{f.key, func(d *decoder, n *yaml.Node, into *T) {
		f.read(d, n, into)
		d.warn(n, f.key, "%s changes nothing: %s", f.key, what)
	}}
}

// nested is the reader of a mapping inside another one.
func nested[V any](fields []field[V], start V) reader[V] {
	return func(d *decoder, n *yaml.Node) (V, bool) {
		v := start
		ok := level(d, n, d.key, fields, &v)
		return v, ok
	}
}

// optional makes a reader tell "not there" (nil) from a zero value.
func optional[V any](read reader[V]) reader[*V] {
	return func(d *decoder, n *yaml.Node) (*V, bool) {
		v, ok := read(d, n)
		return &v, ok
	}
}

// text reads any scalar as it is written: people leave numbers and dates unquoted.
func text(d *decoder, n *yaml.Node) (string, bool) {
	if !isPlain(n) {
		d.fail(n, "", "%s must be a text, not %s", d.key, kindOf(n))
		return "", false
	}
	return strings.TrimSpace(n.Value), true
}

// secretText is text that no message may show.
func secretText(d *decoder, n *yaml.Node) (string, bool) {
	s, ok := text(d, n)
	d.secret(s)
	return s, ok
}

// listOf reads a list, or one value in place of a list of one. Empty texts are left out.
func listOf(read reader[string]) reader[[]string] {
	return func(d *decoder, n *yaml.Node) ([]string, bool) {
		out := []string{}
		for _, item := range d.items(n) {
			if s, ok := read(d, item); ok && s != "" {
				out = append(out, s)
			}
		}
		return out, true
	}
}

// oneOf reads one of a few words.
func oneOf(words ...string) reader[string] {
	return func(d *decoder, n *yaml.Node) (string, bool) {
		s, ok := text(d, n)
		if !ok {
			return "", false
		}
		for _, w := range words {
			if s == w {
				return s, true
			}
		}
		clause := "; it is one of"
		if meant := didYouMean(s, words); meant != "" {
			clause = meant + " It is one of"
		}
		d.fail(n, s, "%s cannot be %s%s %s", d.key, shown(s), clause, strings.Join(words, ", "))
		return "", false
	}
}

// flag reads true or false, and the words YAML used to have for them.
func flag(d *decoder, n *yaml.Node) (bool, bool) {
	if isPlain(n) {
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on", "1":
			return true, true
		case "false", "no", "off", "0":
			return false, true
		}
		d.fail(n, n.Value, "%s must be true or false, not %s", d.key, shown(n.Value))
		return false, false
	}
	d.fail(n, "", "%s must be true or false, not %s", d.key, kindOf(n))
	return false, false
}

// number reads an int or float, also one that is quoted or came from the environment.
func number(d *decoder, n *yaml.Node) (float64, bool) {
	if !isPlain(n) {
		d.fail(n, "", "%s must be a number, not %s", d.key, kindOf(n))
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		d.fail(n, n.Value, "%s must be a number, not %s", d.key, shown(n.Value))
		return 0, false
	}
	return f, true
}

// integer reads a whole number between least and most.
func integer(least, most int) reader[int] {
	return func(d *decoder, n *yaml.Node) (int, bool) {
		f, ok := number(d, n)
		if !ok {
			return 0, false
		}
		if f != math.Trunc(f) || f < float64(least) || f > float64(most) {
			d.fail(n, n.Value, "%s must be a whole number from %d to %d, not %s", d.key, least, most, shown(n.Value))
			return 0, false
		}
		return int(f), true
	}
}

// maxSeconds is about 30 years: more is a mistake, and far more would overflow a time.Duration.
const maxSeconds = 1e9

// seconds reads a duration of zero or more seconds, fractions allowed.
func seconds(d *decoder, n *yaml.Node) (time.Duration, bool) {
	if !isPlain(n) {
		d.fail(n, "", "%s must be a number of seconds, not %s", d.key, kindOf(n))
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
	if err != nil || !(f >= 0 && f <= maxSeconds) {
		d.fail(n, n.Value, "%s must be a number of seconds, such as 30, not %s", d.key, shown(n.Value))
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// longestQueue is how long a request may wait for a limit: clients and what stands between have given up by then.
const longestQueue = 10 * time.Minute

// waiting reads how long a request may wait, in seconds; an s may follow.
func waiting(d *decoder, n *yaml.Node) (time.Duration, bool) {
	bare := *n
	if isPlain(n) {
		bare.Value = strings.TrimSuffix(n.Value, "s")
	}
	v, ok := seconds(d, &bare)
	if ok && v > longestQueue {
		d.fail(n, n.Value, "%s may be %v seconds at most: a client that waits for longer has most often given up", d.key, longestQueue.Seconds())
		return 0, false
	}
	return v, ok
}

// someSeconds reads a duration that must not be zero.
func someSeconds(d *decoder, n *yaml.Node) (time.Duration, bool) {
	v, ok := seconds(d, n)
	if ok && v <= 0 {
		d.fail(n, n.Value, "%s must be more than 0 seconds", d.key)
		return 0, false
	}
	return v, ok
}

// modelTable reads a mapping from models to values; a single value is the default of all models.
func modelTable[V any](read reader[V]) reader[ModelTable[V]] {
	return func(d *decoder, n *yaml.Node) (ModelTable[V], bool) {
		var table ModelTable[V]
		if n.Kind != yaml.MappingNode {
			v, ok := read(d, n)
			table.Set("default", v)
			return table, ok
		}
		outer := d.key
		defer func() { d.key = outer }()
		for _, p := range d.pairs(n) {
			name := strings.TrimSpace(p.key)
			if name == "" {
				d.fail(p.at, "", "%s has an empty model name; name a model, or write default", outer)
				continue
			}
			if isNull(p.value) {
				continue
			}
			d.key = outer + "." + name
			if v, ok := read(d, p.value); ok {
				table.Set(name, v)
			}
		}
		return table, true
	}
}
