// Package pricelist keeps the list prices that price_source names: it reads them in the background, again and again,
// and leaves those in force that were read last where they cannot be.
package pricelist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"uniapi/config"
	"uniapi/config/price"
)

// Folder is where lists that were fetched are kept, in the folder of the ledger.
const Folder = "prices"

// mostBytes is what a list may have; litellm's, one of the longest, has 2 MiB.
const mostBytes = 16 << 20

// How often a source is read again: a file whenever somebody may have changed it. After a failure it is asked sooner,
// and less and less so.
const (
	fetchAgain = 24 * time.Hour
	readAgain  = time.Minute
	retryFirst = time.Minute
)

// Keeper has the list in force. Use New.
type Keeper struct {
	dir     string // "" keeps none
	log     *slog.Logger
	changed func()

	mu      sync.Mutex
	source  config.PriceSource
	list    *price.List // nil is the one that the program has with it
	sum     [sha256.Size]byte
	failure string // why the source could not be read; "" if it could
	stop    context.CancelFunc
	wake    chan struct{}
	group   sync.WaitGroup
}

// State is how the list stands.
type State struct {
	Source  string // "" is none
	Date    string // of the list in force
	Prices  int
	Failure string
}

// New begins with the list that the program has with it. dir is where what was fetched is kept, "" nowhere; changed is
// called, from a goroutine, when another list is in force.
func New(dir string, log *slog.Logger, changed func()) *Keeper {
	return &Keeper{dir: dir, log: log, changed: changed, stop: func() {}}
}

// List is the list in force; nil is the one that the program has with it.
func (k *Keeper) List() *price.List {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.list
}

// State tells how it stands.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.list
	if list == nil {
		list = price.Listed()
	}
	return State{k.source.String(), list.Date, list.Len(), k.failure}
}

// Use has a source read from now on, or none. A file, and what is kept of an address, is read before it returns; the
// rest comes in its time. As long as nothing of the source has been read, the prices in force stay.
func (k *Keeper) Use(source config.PriceSource) {
	k.mu.Lock()
	if source == k.source {
		k.mu.Unlock()
		return
	}
	k.stop()
	ctx, stop := context.WithCancel(context.Background())
	k.source, k.failure, k.stop, k.wake = source, "", stop, make(chan struct{}, 1)
	wake := k.wake
	if source == (config.PriceSource{}) {
		k.list, k.sum = nil, [sha256.Size]byte{}
		stop()
		k.mu.Unlock()
		return
	}
	k.mu.Unlock()
	data, list, err := Kept(k.dir, source)
	switch {
	case err == nil, source.File != "":
		if news, _ := k.took(ctx, source, data, list, err); news {
			k.tell(source, list)
		}
	case !errors.Is(err, fs.ErrNotExist):
		k.log.Warn("the list prices that were kept cannot be used", "source", source.String(), "error", err)
	}
	k.group.Go(func() { k.look(ctx, source, wake) })
}

// Look has the source read again at once.
func (k *Keeper) Look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // none, or it is about to be
	}
}

// Close ends the reading.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.stop()
	k.mu.Unlock()
	k.group.Wait()
}

// look reads a source again and again.
func (k *Keeper) look(ctx context.Context, source config.PriceSource, wake chan struct{}) {
	again, wait := fetchAgain, retryFirst
	next := time.Duration(0)
	if source.File != "" { // it has been read
		again, next = readAgain, readAgain
	}
	for {
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-wake:
			timer.Stop()
		case <-timer.C:
		}
		data, list, err := k.read(ctx, source)
		if ctx.Err() != nil {
			return
		}
		if next = again; err != nil {
			next, wait = wait, min(2*wait, again)
		} else {
			wait = retryFirst
		}
		news, changed := k.took(ctx, source, data, list, err)
		if changed {
			k.changed()
		}
		if news {
			k.tell(source, list)
		}
	}
}

// read reads a source, and keeps what was fetched.
func (k *Keeper) read(ctx context.Context, source config.PriceSource) ([]byte, *price.List, error) {
	if source.File != "" {
		return Kept("", source)
	}
	data, err := fetch(ctx, source.URL)
	if err != nil {
		return nil, nil, err
	}
	list, err := understood(source, data, time.Now())
	if err == nil {
		if err := k.keep(source, data); err != nil {
			k.log.Warn("the list prices cannot be kept; a start without the network will have the program's own", "error", err)
		}
	}
	return data, list, err
}

// took puts what was read into force, and tells whether that is worth telling, and changed anything.
func (k *Keeper) took(ctx context.Context, source config.PriceSource, data []byte, list *price.List, err error) (news, changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ctx.Err() != nil {
		return false, false
	}
	if err != nil {
		if text := err.Error(); text != k.failure {
			k.failure = text
			k.log.Warn("price_source cannot be used; the prices in force stay", "source", source.String(), "error", text)
		}
		return false, false
	}
	sum := sha256.Sum256(data)
	changed = sum != k.sum
	news = changed || k.failure != ""
	k.failure = ""
	if changed {
		k.list, k.sum = list, sum
	}
	return news, changed
}

func (k *Keeper) tell(source config.PriceSource, list *price.List) {
	k.log.Info("list prices were read", "source", source.String(), "prices", list.Len(), "date", list.Date)
}

// Kept is a source as far as it can be read without a network: a file, or what is kept in a folder of an address. The
// error is fs.ErrNotExist where nothing is.
func Kept(dir string, source config.PriceSource) ([]byte, *price.List, error) {
	path := source.File
	if path == "" {
		if dir == "" {
			return nil, nil, fs.ErrNotExist
		}
		path = pathOf(dir, source)
	}
	data, at, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	list, err := understood(source, data, at)
	return data, list, err
}

func readFile(path string) (data []byte, at time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, at, err
	}
	if !info.Mode().IsRegular() { // whoever opens a pipe waits
		return nil, at, fmt.Errorf("%s is no file", path)
	}
	if info.Size() > mostBytes {
		return nil, at, errTooLarge
	}
	data, err = os.ReadFile(path)
	return data, info.ModTime(), err
}

var errTooLarge = fmt.Errorf("it has more than %d MiB", mostBytes>>20)

// understood reads a list, if it is the one that was pinned.
func understood(source config.PriceSource, data []byte, at time.Time) (*price.List, error) {
	if sum := sha256.Sum256(data); source.SHA256 != "" && hex.EncodeToString(sum[:]) != source.SHA256 {
		return nil, fmt.Errorf("it is another than the one that price_source pins: its sha256 is %x", sum)
	}
	return price.ReadForeign(data, at.UTC().Format(time.DateOnly)+" price_source")
}

func pathOf(dir string, source config.PriceSource) string {
	sum := sha256.Sum256([]byte(source.URL))
	return filepath.Join(dir, hex.EncodeToString(sum[:8])+".json")
}

// keep writes what was fetched, whole or not at all.
func (k *Keeper) keep(source config.PriceSource, data []byte) error {
	if k.dir == "" {
		return nil
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(k.dir, "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // if it is still there
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), pathOf(k.dir, source))
}

func readAll(from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, mostBytes+1))
	if err == nil && len(data) > mostBytes {
		err = errTooLarge
	}
	return data, err
}
