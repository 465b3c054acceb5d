package usage

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Statement is what a provider says was used, as it exports it: by day and model.
type Statement struct {
	Days            map[DayModel]*Spent
	HasTokens, Cost bool // what it tells
	From, To        time.Time
}

// The columns of exports, in the order in which they are looked for. The plain names are those of a table that somebody
// made; usage_… are those of the usage and cost exports of Anthropic's console, start_time, input_tokens and
// amount_value those of OpenAI's usage and cost exports, and n_… those of OpenAI's before 2025.
var (
	dayColumns    = []string{"date", "day", "usage_date_utc", "usage_date", "start_time_iso", "start_time"}
	modelColumns  = []string{"model", "model_version", "line_item", "snapshot_id"}
	inputColumns  = [][]string{{"input_tokens"}, {"usage_input_tokens_no_cache", "usage_input_tokens_cache_write", "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h", "usage_input_tokens_cache_read"}, {"n_context_tokens_total"}}
	outputColumns = []string{"output_tokens", "usage_output_tokens", "n_generated_tokens_total"}
	costColumns   = []string{"cost", "cost_usd", "amount_value", "amount_usd", "amount"}
)

// ReadStatement reads an export as CSV, whose first line names the columns.
func ReadStatement(r io.Reader) (*Statement, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord, rows.FieldsPerRecord = true, -1
	head, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	} else if err != nil {
		return nil, fmt.Errorf("the file is no CSV: %w", err)
	}
	var names []string
	for _, name := range head {
		names = append(names, strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))))
	}
	find := func(among []string) int {
		for _, name := range among {
			if i := slices.Index(names, name); i >= 0 {
				return i
			}
		}
		return -1
	}
	dayAt, modelAt, outputAt, costAt := find(dayColumns), find(modelColumns), find(outputColumns), find(costColumns)
	var inputAt []int
	for _, set := range inputColumns {
		for _, name := range set {
			if i := slices.Index(names, name); i >= 0 {
				inputAt = append(inputAt, i)
			}
		}
		if inputAt != nil {
			break
		}
	}
	s := &Statement{Days: make(map[DayModel]*Spent), HasTokens: inputAt != nil && outputAt >= 0, Cost: costAt >= 0}
	if dayAt < 0 || modelAt < 0 || !s.HasTokens && !s.Cost || slices.Contains(names, "price") && slices.Contains(names, "type") {
		return nil, fmt.Errorf("line 1: these columns are not known: %q; there must be a day (%s), a model (%s), and tokens (input_tokens and output_tokens) or a cost (%s)", short(strings.Join(names, ",")),
			strings.Join(dayColumns, ", "), strings.Join(modelColumns, ", "), strings.Join(costColumns, ", "))
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(0)
		at := func(i int) string {
			if i < 0 || i >= len(row) {
				return ""
			}
			return strings.TrimSpace(row[i])
		}
		model := at(modelAt)
		if names[modelAt] == "line_item" { // "gpt-4o-2024-08-06, cached input"
			model, _, _ = strings.Cut(model, ",")
		}
		if model = StatedModel(model); model == "" {
			continue // an empty day
		}
		begun, ok := statedDay(at(dayAt))
		if !ok {
			return nil, fmt.Errorf("line %d: %q is no day such as 2026-01-31", line, short(at(dayAt)))
		}
		spent := Spent{}
		for _, i := range append(inputAt, outputAt) {
			if !s.HasTokens {
				break
			}
			n, ok := statedAmount(at(i), 1)
			if !ok {
				return nil, fmt.Errorf("line %d: %q is no number of tokens", line, short(at(i)))
			}
			if i == outputAt {
				spent.Add(Spent{Output: n})
			} else {
				spent.Add(Spent{Input: n})
			}
		}
		if spent.Cost, ok = statedAmount(strings.TrimPrefix(at(costAt), "$"), 1e9); !ok {
			return nil, fmt.Errorf("line %d: %q is no amount of dollars", line, short(at(costAt)))
		}
		of := DayModel{begun, model}
		if s.Days[of] == nil {
			s.Days[of] = new(Spent)
		}
		s.Days[of].Add(spent)
		when := time.Unix(begun, 0).UTC()
		if s.From.IsZero() || when.Before(s.From) {
			s.From = when
		}
		if end := when.AddDate(0, 0, 1); end.After(s.To) {
			s.To = end
		}
	}
	if len(s.Days) == 0 {
		return nil, errors.New("no row of it tells what was used")
	}
	return s, nil
}

// StatedModel is a model as exports are compared by it: some write it as it is shown to people, "Claude Sonnet 4.5".
func StatedModel(name string) string {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "-")
	if strings.HasPrefix(name, "claude-") {
		name = strings.ReplaceAll(name, ".", "-")
	}
	return boundedWord(name)
}

// statedDay is the day of UTC of a date, a time or seconds since 1970.
func statedDay(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return begin(n, day), n > 0 && n < mostTime
	}
	for _, form := range [...]string{time.DateOnly, time.RFC3339, time.DateTime, "2006/1/2"} {
		if at, err := time.Parse(form, text); err == nil {
			return begin(at.Unix(), day), at.Unix() > 0 && at.Unix() < mostTime
		}
	}
	return 0, false
}

// statedAmount is a number that is not negative, times a unit; nothing is 0.
func statedAmount(text string, unit float64) (int64, bool) {
	if text == "" {
		return 0, true
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	if err != nil || !(f >= 0 && f*unit < 1<<62) {
		return 0, false
	}
	return int64(math.Round(f * unit)), true
}
