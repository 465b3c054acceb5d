//go:build !race

package config

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/bench/linear"
)

func TestAliasesCostLinearTime(t *testing.T) {
	for name, file := range map[string]func(size int) string{
		"to aliases": func(size int) string { return lists(size/60, "lol") },
		"to lists of aliases": func(size int) string {
			file := "x0: &x0 []\n"
			for i := range size / 40 {
				file += fmt.Sprintf("x%d: &x%d [*x%d,*x0]\n", i+1, i+1, i)
			}
			return file + minimal
		},
		"to itself": func(size int) string { return "x: &x [" + strings.Repeat("1,", size/2) + "*x]\n" + minimal },
	} {
		t.Run(name, func(t *testing.T) {
			linear.Check(t, func(size int) func() {
				data := []byte(file(size))
				return func() { Parse("api.yaml", data, env()) }
			})
		})
	}
}
