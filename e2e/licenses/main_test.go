package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	mit    = "Permission is hereby granted, free of charge, to any person\nobtaining a copy of this software"
	bsd2   = "Redistribution and use in source and binary forms, with or without\r\nmodification, are permitted"
	apache = "Apache License\n   Version 2.0, January 2004"
)

func TestKindOfALicence(t *testing.T) {
	for _, c := range []struct{ name, words, want string }{
		{"MIT, whatever its lines", mit, "MIT"},
		{"BSD of two clauses", bsd2, "BSD-2-Clause"},
		{"BSD of three", bsd2 + " ... used to endorse or promote products derived", "BSD-3-Clause"},
		{"Apache", apache, "Apache-2.0"},
		{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"},
		{"Boost", "Boost Software License - Version 1.0 - August 17th, 2003", "BSL-1.0"},
		{"copyleft", "GNU GENERAL PUBLIC LICENSE Version 3", ""},
		{"copyleft that mentions MIT", mit + "; parts are under the Mozilla Public License", ""},
		{"no licence", "All rights reserved.", ""},
	} {
		if got := kindOf(c.words); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

func TestCollectReadsAModulesFolder(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  map[string]string
		texts  int
		refuse string
	}{
		{"a licence and a notice", map[string]string{"LICENSE": mit, "NOTICE.txt": "by them"}, 2, ""},
		{"what it has taken from others", map[string]string{"LICENSE": mit, "licenses/LICENSE-other": bsd2}, 2, ""},
		{"a text that is there twice", map[string]string{"LICENSE": mit, "deep/down/COPYING": mit}, 1, ""},
		{"files that have only the name", map[string]string{"LICENSE": mit, "license.go": "package p", "license-check.yml": "on: push", "testdata/LICENSE": "a sample"}, 1, ""},
		{"none", map[string]string{"README": "hello"}, 0, "has no licence"},
		{"one below alone", map[string]string{"deep/LICENSE": mit}, 1, "has no licence"},
		{"one that is not allowed", map[string]string{"LICENSE": mit, "part/LICENSE": "GNU Affero General Public License"}, 0, "part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, found := t.TempDir(), texts{}
			for name, words := range c.files {
				path := filepath.Join(folder, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(words), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			err := found.collect("example.com/module v1.0.0", folder)
			if c.refuse == "" && (err != nil || len(found) != c.texts) || c.refuse != "" && (err == nil || !strings.Contains(err.Error(), "example.com/module")) {
				t.Errorf("%d texts, %v", len(found), err)
			}
		})
	}
}

func TestPrintHasEachTextOnceBelowItsModules(t *testing.T) {
	found := texts{}
	found.add("b v1", apache)
	found.add("a v1", apache)
	found.add("a v1", "NOTICE of a")
	var out strings.Builder
	if err := found.print(&out); err != nil {
		t.Fatal(err)
	}
	if page := out.String(); strings.Count(page, apache) != 1 || !strings.Contains(page, "\na v1: Apache-2.0\nb v1: Apache-2.0\n") || !strings.Contains(page, "\nb v1\na v1\n\nApache License") || !strings.Contains(page, "NOTICE of a") {
		t.Error(page)
	}
}
