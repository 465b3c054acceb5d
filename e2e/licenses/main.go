// Command licenses writes the licences of all that is linked into the programs it is given,
// each text once, below the modules that it is of. It fails if something is linked whose
// licence is missing or not among those that the program may be given away with.
//
//	go run ./e2e/licenses PROGRAM... [NAME=FILE]... >THIRD-PARTY-LICENSES
//
// NAME=FILE is for what is in the program and no Go module.
package main

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if err := write(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

// text is a licence, or a notice beside one, with the names of those it came with.
type text struct {
	words string
	kind  string // the SPDX identifier; none for a notice
	of    []string
}

// texts has each text once: half of all modules have the same one.
type texts map[string]*text

func write(w io.Writer, arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("name the programs")
	}
	found, modules := texts{}, map[string]bool{}
	for _, argument := range arguments {
		if name, file, beside := strings.Cut(argument, "="); beside {
			words, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if found.add(name, string(words)) == "" {
				return fmt.Errorf("%s: its licence is not one that is known: %s", name, file)
			}
			continue
		}
		info, err := buildinfo.ReadFile(argument)
		if err != nil {
			return fmt.Errorf("%s: %w", argument, err)
		}
		for _, module := range info.Deps {
			modules[module.Path] = true
		}
	}
	folders, err := foldersOf(slices.Sorted(maps.Keys(modules)))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		if err := found.collect(name, folders[name]); err != nil {
			return err
		}
	}
	return found.print(w)
}

// foldersOf asks go where the sources of modules and of its own library are.
func foldersOf(modules []string) (map[string]string, error) {
	folders := map[string]string{}
	arguments := append([]string{"list", "-m", "-f", "{{.Path}} {{.Version}}\t{{.Dir}}"}, modules...)
	out, err := exec.Command("go", arguments...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		name, folder, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if folder == "" {
			return nil, fmt.Errorf("%s: its source is not here; go mod download fetches it", name)
		}
		folders[name] = folder
	}
	if out, err = exec.Command("go", "env", "GOROOT").Output(); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	folders["Go's standard library"] = strings.TrimSpace(string(out))
	return folders, nil
}

var (
	named   = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)`)
	program = regexp.MustCompile(`\.(go|ya?ml|json|toml|sh|py)$`)
	// What stands in these folders is compiled into nothing, or is somebody's sample.
	passed = regexp.MustCompile(`^(testdata|vendor|\.git|node_modules|_.*)$`)
)

// collect adds what stands in the folder of a module. Of Go itself only the top is looked
// at: below it are its tools and their tests.
func (t texts) collect(name, folder string) error {
	licensed := false
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != folder && (passed.MatchString(entry.Name()) || name == "Go's standard library") {
				return filepath.SkipDir
			}
			return nil
		}
		if !named.MatchString(entry.Name()) || program.MatchString(entry.Name()) {
			return nil
		}
		words, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kind := t.add(name, string(words))
		licensed = licensed || kind != "" && filepath.Dir(path) == folder
		if kind == "" && regexp.MustCompile(`(?i)^(licen|copying)`).MatchString(entry.Name()) {
			return fmt.Errorf("%s: %s is no licence that is known and may be given away with the program", name, entry.Name())
		}
		return nil
	})
	if err == nil && !licensed {
		err = fmt.Errorf("%s has no licence", name)
	}
	return err
}

func (t texts) add(name, words string) (kind string) {
	words = strings.TrimSpace(strings.ReplaceAll(words, "\r\n", "\n"))
	if t[words] == nil {
		t[words] = &text{words: words, kind: kindOf(words)}
	}
	if of := &t[words].of; !slices.Contains(*of, name) {
		*of = append(*of, name)
	}
	return t[words].kind
}

var spaces = regexp.MustCompile(`\s+`)

// kindOf tells a licence by the words that make it what it is. They are those under which
// a program may be given away in binary form as long as their texts are with it; what is
// none of them has no kind.
func kindOf(words string) string {
	words = strings.ToLower(spaces.ReplaceAllString(words, " "))
	has := func(phrase string) bool { return strings.Contains(words, phrase) }
	switch {
	case has("gnu general public"), has("gnu lesser general"), has("gnu affero"), has("mozilla public license"), has("non-commercial"), has("business source license"):
		return ""
	case has("apache license") && has("version 2.0"):
		return "Apache-2.0"
	case has("permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("redistribution and use in source and binary forms, with or without modification, are permitted"):
		if has("endorse or promote products") {
			return "BSD-3-Clause"
		}
		return "BSD-2-Clause"
	case has("permission to use, copy, modify, and/or distribute this software"), has("permission to use, copy, modify, and distribute this software"):
		return "ISC"
	case has("boost software license - version 1.0"):
		return "BSL-1.0"
	}
	return ""
}

func (t texts) print(w io.Writer) error {
	all := slices.SortedFunc(maps.Values(t), func(a, b *text) int {
		return cmp.Or(cmp.Compare(a.of[0], b.of[0]), cmp.Compare(a.words, b.words))
	})
	var out strings.Builder
	out.WriteString("What is in uni-api that others have written, and under which terms. uni-api's own licence is in LICENSE.\n\n")
	kinds := map[string][]string{}
	for _, one := range all {
		for _, of := range one.of {
			if one.kind != "" && !slices.Contains(kinds[of], one.kind) {
				kinds[of] = append(kinds[of], one.kind)
			}
		}
	}
	for _, of := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&out, "%s: %s\n", of, strings.Join(kinds[of], ", "))
	}
	for _, one := range all {
		fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(one.of, "\n"), one.words)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
