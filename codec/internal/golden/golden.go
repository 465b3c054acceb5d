// Package golden runs tests whose cases are in a file: what goes in and the bytes that must come out, side by side for
// a reader.
//
//	=== name of the case | argument
//	what goes in
//	--- out
//	what comes out
//
// With -update the file is written again with what came out.
package golden

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files again")

// Run calls f with the argument and the input of each case and compares what it returns, without space at the ends.
func Run(t *testing.T, file string, f func(t *testing.T, argument string, in []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	head, cases, _ := strings.Cut("\n"+string(data), "\n=== ")
	again.WriteString(strings.TrimPrefix(head, "\n"))
	for c := range strings.SplitSeq(cases, "\n=== ") {
		title, rest, _ := strings.Cut(c, "\n")
		name, argument, _ := strings.Cut(title, " | ")
		in, want, _ := strings.Cut(rest, "\n--- out")
		var got []byte
		t.Run(name, func(t *testing.T) {
			got = bytes.TrimSpace(f(t, argument, []byte(in)))
			if want = strings.TrimSpace(want); string(got) != want && !*update {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
		fmt.Fprintf(&again, "\n=== %s\n%s\n--- out\n%s\n", title, strings.TrimSpace(in), got)
	}
	if *update {
		if err := os.WriteFile(file, again.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
