package config

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	fileInterval = 2 * time.Second
	urlInterval  = 30 * time.Second
	settleTime   = 100 * time.Millisecond // from the first sign of a change until the file is read
)

// Watch reloads until ctx ends: soon after the file or its directory changes, at every Interval if it looks different
// (which also finds what the file system does not tell, as with network and container mounts), and when kick receives.
// A configuration that parses and differs from the current one is given to apply, and the current one when it is back
// after an error. An error is given to failed, once until it changes or somebody kicks, and the current configuration
// stays. Both are called from this goroutine.
func (s Source) Watch(ctx context.Context, current *Config, kick <-chan struct{}, apply func(*Config), failed func(error)) {
	if s.Text != "" { // a process's environment stays as it is
		<-ctx.Done()
		return
	}
	w := watcher{source: s, apply: apply, failed: failed, current: current}
	if current != nil {
		w.text = current.source
	}
	interval := s.Interval
	var events chan fsnotify.Event
	var lost chan error
	if s.URL == "" {
		if interval == 0 {
			interval = fileInterval
		}
		if notify, err := fsnotify.NewWatcher(); err == nil {
			defer notify.Close()
			// The directory, not the file: editors and Kubernetes replace the file, or a link on the way to it.
			if notify.Add(filepath.Dir(s.Path)) == nil {
				events, lost = notify.Events, notify.Errors
			}
		}
		w.load(ctx) // it may have changed since current was read
	} else if interval == 0 {
		interval = urlInterval
	}
	poll := time.NewTicker(interval)
	defer poll.Stop()
	var settled <-chan time.Time
	touched := false
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-kick:
			if !open {
				kick = nil
				continue
			}
			w.text = nil
			w.kicked = true
			w.load(ctx)
			w.kicked = false
		case e := <-events:
			// Not started anew by further events: in a directory that is written to all the time it would never end.
			touched = touched || filepath.Base(e.Name) == filepath.Base(s.Path)
			if settled == nil {
				settled = time.After(settleTime)
			}
		case <-lost:
			touched = true // events were dropped: anything may have happened
			if settled == nil {
				settled = time.After(settleTime)
			}
		case <-settled:
			settled = nil
			if w.changed() || touched {
				w.load(ctx)
			}
			touched = false
		case <-poll.C:
			if s.URL != "" || w.changed() {
				w.load(ctx)
			}
		}
	}
}

// watcher is the state of one Watch.
type watcher struct {
	source  Source
	apply   func(*Config)
	failed  func(error)
	current *Config     // in force; nil = none
	seen    os.FileInfo // of the file when it was last read; nil = not there
	text    []byte      // that was read last: the same once more is not parsed, or a start would parse it twice
	failure string      // the last error, so that a poll does not repeat it
	kicked  bool        // somebody wants to know again
}

// changed tells whether the file, at the end of all links, is another one than was last read.
func (w *watcher) changed() bool {
	now, _ := os.Stat(w.source.Path)
	if now == nil || w.seen == nil {
		return (now == nil) != (w.seen == nil)
	}
	return !os.SameFile(now, w.seen) || !now.ModTime().Equal(w.seen.ModTime()) || now.Size() != w.seen.Size()
}

func (w *watcher) load(ctx context.Context) {
	if w.source.URL == "" {
		w.seen, _ = os.Stat(w.source.Path) // before reading: a change in between is found by the next look
	}
	text, err := w.source.read(ctx)
	if err == nil && w.text != nil && bytes.Equal(text, w.text) {
		return
	}
	var cfg *Config
	if w.text = text; err == nil {
		cfg, err = Parse(w.source.String(), text, w.source.Getenv)
	}
	if w.current.madeOf(cfg, err) {
		cfg, err = w.current, nil
	}
	switch {
	case ctx.Err() != nil:
	case cfg != nil && cfg == w.current:
		if w.failure != "" {
			w.failure = ""
			w.apply(cfg)
		}
	case err != nil:
		if text := err.Error(); text != w.failure || w.kicked {
			w.failure = text
			w.failed(err)
		}
	default:
		w.failure = ""
		w.current = cfg
		w.apply(cfg)
	}
}

// madeOf says whether a configuration is made of the very file that has just been read with this outcome. One that was
// started with may have errors in it.
func (c *Config) madeOf(read *Config, err error) bool {
	if c == nil {
		return false
	}
	if unusable, is := errors.AsType[*Unusable](err); is {
		return unusable.Hash == c.Hash
	}
	return err == nil && read.Hash == c.Hash
}
