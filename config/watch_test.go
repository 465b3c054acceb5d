package config

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// watching is a Watch under test. Its channels have no room, so that nothing happens unseen.
type watching struct {
	t       *testing.T
	applied chan *Config
	failed  chan error
	kick    chan struct{}
	stop    func() // ends Watch and waits for it
}

func watch(t *testing.T, s Source) *watching {
	t.Helper()
	s.Getenv = noEnv
	current, err := s.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{t: t, applied: make(chan *Config), failed: make(chan error), kick: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, current, w.kick,
			func(c *Config) {
				select {
				case w.applied <- c:
				case <-ctx.Done():
				}
			},
			func(err error) {
				select {
				case w.failed <- err:
				case <-ctx.Done():
				}
			})
	}()
	w.stop = func() { cancel(); <-done }
	t.Cleanup(w.stop)
	return w
}

// patience is far longer than anything here takes, even on a busy machine.
const patience = 20 * time.Second

// wantName waits for a configuration whose provider has this name.
func (w *watching) wantName(name string) {
	w.t.Helper()
	for {
		select {
		case c := <-w.applied:
			if nameIn(c) == name {
				return
			}
			w.t.Fatalf("got %s, want %s", nameIn(c), name)
		case <-w.failed: // a file that was caught half written
		case <-time.After(patience):
			w.t.Fatalf("no configuration; want %s", name)
		}
	}
}

func (w *watching) wantFailure() error {
	w.t.Helper()
	select {
	case err := <-w.failed:
		return err
	case c := <-w.applied:
		w.t.Fatalf("%s was taken up", nameIn(c))
	case <-time.After(patience):
		w.t.Fatal("no failure was reported")
	}
	return nil
}

func (w *watching) wantNothing(within time.Duration) {
	w.t.Helper()
	select {
	case err := <-w.failed:
		w.t.Errorf("failed: %v", err)
	case c := <-w.applied:
		w.t.Errorf("%s was taken up", nameIn(c))
	case <-time.After(within):
	}
}

// notifyOnly leaves the polling out, pollOnly makes it quick where the file system tells nothing.
const (
	notifyOnly = time.Hour
	pollOnly   = 10 * time.Millisecond
)

func replace(t *testing.T, path, text string) {
	t.Helper()
	writeFile(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchSeesChangesOfTheFile(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "api.yaml"), configNamed("one"))
	w := watch(t, Source{Path: path, Interval: notifyOnly})
	replace(t, path, configNamed("two"))
	w.wantName("two")
	writeFile(t, path, configNamed("three")) // in place
	w.wantName("three")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.wantFailure()
	writeFile(t, path, configNamed("four"))
	w.wantName("four")
}

func TestWatchSeesLinksTurned(t *testing.T) {
	// As Kubernetes does: api.yaml → ..data/api.yaml, ..data → a directory for each version.
	dir := t.TempDir()
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, "new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, version, "api.yaml"), configNamed(version))
	}
	link("one", "..data")
	link(filepath.Join("..data", "api.yaml"), "api.yaml")
	w := watch(t, Source{Path: filepath.Join(dir, "api.yaml"), Interval: notifyOnly})
	link("two", "..data")
	w.wantName("two")
	link(filepath.Join("one", "api.yaml"), "api.yaml")
	w.wantName("one")
}

func TestWatchPollsWhatTheFileSystemDoesNotTell(t *testing.T) {
	// The file is behind a link into another directory, of which there are no events.
	elsewhere := writeFile(t, filepath.Join(t.TempDir(), "real.yaml"), configNamed("one"))
	path := filepath.Join(t.TempDir(), "api.yaml")
	if err := os.Symlink(elsewhere, path); err != nil {
		t.Fatal(err)
	}
	w := watch(t, Source{Path: path, Interval: pollOnly})
	replace(t, elsewhere, configNamed("two"))
	w.wantName("two")
	replace(t, elsewhere, configNamed("three"))
	w.wantName("three")
}

func TestWatchKeepsTheOldConfigurationWhenTheFileBreaks(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "api.yaml"), configNamed("one"))
	w := watch(t, Source{Path: path, Interval: pollOnly})
	replace(t, path, "providers: [")
	first := w.wantFailure()
	w.wantNothing(3 * settleTime) // the polls do not repeat it
	w.kick <- struct{}{}
	if again := w.wantFailure(); again.Error() != first.Error() {
		t.Errorf("a kick reports %v, before it was %v", again, first)
	}
	replace(t, path, configNamed("one")) // repaired: nothing new, but somebody may be waiting to hear it
	w.wantName("one")
	replace(t, path, configNamed("two"))
	w.wantName("two")
}

func TestWatchIgnoresItsNeighbours(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "api.yaml"), configNamed("one"))
	w := watch(t, Source{Path: path, Interval: notifyOnly})
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() { // a busy directory must not hide the change
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				os.WriteFile(filepath.Join(dir, "log"), []byte("x"), 0o600)
			}
		}
	}()
	w.wantNothing(2 * settleTime)
	replace(t, path, configNamed("two"))
	w.wantName("two")
	close(stop)
	<-stopped
}

func TestWatchReadsWhatChangedBeforeItBegan(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "api.yaml"), configNamed("new"))
	ctx, cancel := context.WithCancel(context.Background())
	old, err := Parse(path, []byte(configNamed("old")), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	Source{Path: path, Getenv: noEnv}.Watch(ctx, old, nil, func(c *Config) {
		if nameIn(c) != "new" {
			t.Errorf("got %s", nameIn(c))
		}
		cancel()
	}, func(err error) { t.Error(err); cancel() })
}

func TestWatchPollsURLs(t *testing.T) {
	var text, status atomic.Value
	text.Store(configNamed("one"))
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status.Load().(int))
		w.Write([]byte(text.Load().(string)))
	}))
	defer server.Close()
	w := watch(t, Source{URL: server.URL, Interval: pollOnly})
	text.Store(configNamed("two"))
	w.wantName("two")
	status.Store(http.StatusInternalServerError)
	w.wantFailure()
	status.Store(http.StatusOK)
	text.Store(configNamed("three"))
	w.wantName("three")
	w.stop()
}

func TestKickReadsAURLAtOnce(t *testing.T) {
	var text atomic.Value
	text.Store(configNamed("one"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(text.Load().(string)))
	}))
	defer server.Close()
	w := watch(t, Source{URL: server.URL})
	text.Store(configNamed("two"))
	w.kick <- struct{}{}
	w.wantName("two")
	close(w.kick) // must not spin
	w.stop()
}

func TestSameTextIsParsedOnce(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "api.yaml"), configNamed("one"))
	parsed, applied := 0, 0
	w := watcher{
		source: Source{Path: path, Getenv: func(name string) string {
			if name == "TIMEOUT" { // which every parsing asks for once
				parsed++
			}
			return ""
		}},
		apply:  func(*Config) { applied++ },
		failed: func(err error) { t.Error(err) },
	}
	for _, step := range []struct {
		name            string
		parsed, applied int
	}{{"one", 1, 1}, {"one", 1, 1}, {"two", 2, 2}, {"one", 3, 3}} {
		writeFile(t, path, configNamed(step.name))
		w.load(t.Context())
		if parsed != step.parsed || applied != step.applied {
			t.Errorf("after %s: parsed %d times, applied %d times; want %d and %d", step.name, parsed, applied, step.parsed, step.applied)
		}
	}
}
