package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// editable are the top-level keys that Update may change.
var editable = []string{"providers", "api_keys", "preferences"}

// ErrNotWritten is of an update that was good, but could not be written: the disk is full, or the file may not be
// replaced.
var ErrNotWritten = errors.New("the configuration could not be written and stays as it was")

// updating is held from the reading of a file to its writing, so that no update undoes another.
var updating sync.Mutex

// Update puts the values, which are JSON, in the place of the file's top-level keys of the same names. Everything else
// stays, with its comments and its order. The file is only written, at once and whole, if the next start would read the
// very same values in what comes out, and check, unless it is nil, has nothing against it; else the error says what is
// wrong with it.
func (s Source) Update(changes map[string]json.RawMessage, check func(*Config) error) error {
	if s.Path == "" {
		return fmt.Errorf("the configuration does not come from a file, but from %s", s)
	}
	updating.Lock()
	defer updating.Unlock()
	data, err := s.readFile(context.Background())
	if err != nil {
		return err
	}
	out, next, err := s.changed(data, changes)
	if err == nil && check != nil {
		err = check(next)
	}
	if err != nil {
		return err
	}
	return replaceFile(s.Path, func(w io.Writer) error {
		_, err := w.Write(out)
		return err
	})
}

// changed is a file with the changes in it, and what a start makes of it: it is read as a start reads it, with the same
// limits.
func (s Source) changed(data []byte, changes map[string]json.RawMessage) (out []byte, next *Config, err error) {
	doc, err := s.document(data)
	if err != nil {
		return nil, nil, fmt.Errorf("the file is not changed, since it cannot be read as it is: %w", err)
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("%s is no mapping; it cannot be changed", s.Path)
	}
	for name := range changes {
		if !slices.Contains(editable, name) {
			return nil, nil, fmt.Errorf("%q cannot be changed; %s can", name, strings.Join(editable, ", "))
		}
	}
	nodes := 0
	for _, name := range editable {
		value, given := changes[name]
		if !given {
			continue
		}
		node, err := nodeOfJSON(value, &nodes)
		if err != nil {
			return nil, nil, fmt.Errorf("%s %w", name, err)
		}
		now := &yaml.Node{}
		if top := doc.Content[0]; top.Kind == yaml.MappingNode {
			now = resolve((&decoder{}).valueOf(top, name))
		}
		if err := masksOf(doc.Content[0]).unmask(node, "/"+name, false); err != nil {
			return nil, nil, fmt.Errorf("%s %w", name, err)
		}
		if name == "providers" {
			keepUnshown(node, now)
		}
		replaceKey(doc.Content[0], name, node)
	}
	meant := cloned(doc) // writing takes tags off
	if out, err = encode(doc); err != nil {
		return nil, nil, err
	}
	if next, err = s.parse(bytes.NewReader(out)); err != nil {
		return nil, nil, err
	}
	again, err := s.document(out)
	if err != nil {
		return nil, nil, err
	}
	if at := differs(meant, again); at != nil {
		return nil, nil, fmt.Errorf("a value cannot be written so that it is read again as it is (%s, near line %d of the new file); leave it out, or change the file by hand", kindOf(at), at.Line)
	}
	return out, next, nil
}

// document is a file as YAML, read as Parse reads it.
func (s Source) document(data []byte) (*yaml.Node, error) {
	d := &decoder{file: s.String()}
	doc, ok := d.document(data)
	if !ok {
		return nil, d.errors
	}
	return doc, nil
}

// replaceKey puts a value in the place of a key's in a mapping, or adds both.
func replaceKey(top *yaml.Node, name string, value *yaml.Node) {
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == name {
			top.Content[i+1] = value
			return
		}
	}
	top.Content = append(top.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
}

// errSize stops the writing of what would be too large to be read.
var errSize = fmt.Errorf("the changed configuration would be larger than %d MiB, which is more than is read at a start", maxSize>>20)

// bounded is a buffer that takes as much as is read of a file.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxSize {
		return 0, errSize
	}
	return b.Buffer.Write(p)
}

// encode writes a document in YAML, lines as long as they are.
func encode(doc *yaml.Node) ([]byte, error) {
	var out bounded
	dumper, err := yaml.NewDumper(&out, yaml.WithV3Defaults(), yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err == nil {
		err = dumper.Dump(doc)
	}
	if err == nil {
		err = dumper.Close()
	}
	if errors.Is(err, errSize) {
		return nil, errSize
	}
	if err != nil {
		return nil, fmt.Errorf("writing the changed configuration: %w", err)
	}
	return out.Bytes(), nil
}

// cloned is a tree of its own. What aliases stand for is not copied.
func cloned(n *yaml.Node) *yaml.Node {
	out := *n
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, inner := range n.Content {
		out.Content[i] = cloned(inner)
	}
	return &out
}

// differs is the first node of b that is not what stands in a at the same place; nil if there is none. Styles and
// comments do not count.
func differs(a, b *yaml.Node) *yaml.Node {
	same := a.Kind == b.Kind && a.Anchor == b.Anchor && len(a.Content) == len(b.Content)
	switch a.Kind {
	case yaml.ScalarNode:
		same = same && a.Value == b.Value && a.ShortTag() == b.ShortTag()
	case yaml.AliasNode:
		same = same && a.Value == b.Value
	}
	if !same {
		return b
	}
	for i := range a.Content {
		if at := differs(a.Content[i], b.Content[i]); at != nil {
			return at
		}
	}
	return nil
}

// replaceFile replaces a file at once with what fill writes: a reader sees the old one or the new one, and so does the
// next start after a crash. Whoever could read it, and whom it belongs to, stays the same; where that cannot be had, or
// the disk is full, the old file stays.
func replaceFile(path string, fill func(io.Writer) error) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("finding the configuration: %w", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return fmt.Errorf("finding the configuration: %w", err)
	}
	removeUnfinished(filepath.Dir(real))
	f, err := os.CreateTemp(filepath.Dir(real), unfinished+"*")
	if err != nil {
		return fmt.Errorf("%w: its folder cannot be written to: %w", ErrNotWritten, err)
	}
	defer os.Remove(f.Name())
	err = fill(f)
	for _, step := range []func() error{func() error { return keepOwner(f, info) }, f.Sync, f.Close} {
		if stepErr := step(); err == nil {
			err = stepErr
		}
	}
	if err == nil {
		err = os.Rename(f.Name(), real)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	if dir, err := os.Open(filepath.Dir(real)); err == nil { // so that the new name survives a loss of power
		dir.Sync()
		dir.Close()
	}
	return nil
}

const (
	unfinished     = ".api.yaml-"
	unfinishedTime = time.Minute // longer than a disk takes for 16 MiB
)

// removeUnfinished removes what processes left that ended while they wrote: it
// has keys in it.
func removeUnfinished(folder string) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unfinishedTime {
			os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}
