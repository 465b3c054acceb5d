// Package media puts the content of images and files that a request names by
// address in the place of the addresses, where a provider does not fetch them itself.
package media

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"uniapi/codec"
	"uniapi/pool/fetch"
	"uniapi/server/budget"
)

const (
	AtOnce = 4
	// mostFetches bounds what one request can make the gateway do. It is as many images as Anthropic takes.
	mostFetches = 100
)

// TakesURL tells which media an upstream of a format gets by address.
func TakesURL(f codec.Format) func(*codec.Part) bool {
	if f, depends := f.(codec.URLTaker); depends {
		return func(p *codec.Part) bool { return f.TakesURL(p.Media) }
	}
	kinds := f.Properties().Fetches
	return func(p *codec.Part) bool { return slices.Contains(kinds, p.Kind) }
}

// inlineMedia is the request with the content of its media in the place of
// their addresses, where the upstream does not take those, and how many bytes of
// base64 that puts into it. What is not changed is shared with r, which stays as
// it is. The error is a *codec.Error with status 400 that names the address, one of
// the budget's, or ctx's own.
func Inline(ctx context.Context, f *fetch.Fetcher, r *codec.Request, takesURL func(*codec.Part) bool, holding *budget.Holding, place func() (leave func(), err error)) (*codec.Request, int, error) {
	in := inliner{takesURL: takesURL, place: place, places: map[address]int{}, room: mediaRoom{holding: holding}}
	for _, m := range r.Messages {
		in.collect(m.Parts)
	}
	if len(in.wanted) == 0 {
		return r, 0, nil
	}
	if len(in.wanted) > mostFetches {
		return nil, 0, codec.BadRequest("messages", "the request has more than 100 images or files by address that this provider cannot read: send their content")
	}
	if err := in.fetch(ctx, f); err != nil {
		holding.Hold(budget.Media, 0)
		return nil, 0, err
	}
	inlined := *r
	inlined.Messages = slices.Clone(r.Messages)
	for i := range inlined.Messages {
		m := &inlined.Messages[i]
		m.Parts, _ = in.replaced(m.Parts)
	}
	return &inlined, int(in.used.Load()), nil
}

// mediaRoom is what all the media of a request take together, which are fetched
// at once.
type mediaRoom struct {
	mu      sync.Mutex
	holding *budget.Holding
	sum     int
}

// oneRoom is what one of them takes.
type oneRoom struct {
	*mediaRoom
	held int
}

func (r *oneRoom) Hold(bytes int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := r.sum + bytes - r.held
	if err := r.holding.Hold(budget.Media, sum); err != nil {
		return err
	}
	r.sum, r.held = sum, bytes
	return nil
}

// inliner fetches the media of one request, each address once.
type inliner struct {
	takesURL func(*codec.Part) bool
	place    func() (leave func(), err error) // takes one for a fetch
	wanted   []fetching
	places   map[address]int // in wanted
	room     mediaRoom
	used     atomic.Int64 // bytes of base64 that go into the request
}

// address is what is fetched, and as what: an image in the place of a file is
// fine, but not the reverse.
type address struct {
	url  string
	kind codec.PartKind
}

type fetching struct {
	address
	uses    int64
	content fetch.Content
}

// mediaTypes are the types that a kind of part may have.
var mediaTypes = map[codec.PartKind][]string{
	codec.PartImage: {"image/"},
	codec.PartAudio: {"audio/"},
	codec.PartFile:  {"application/pdf", "image/", "audio/"},
}

// wants says whether a part is to be fetched.
func (in *inliner) wants(p *codec.Part) bool {
	if p.Media == nil || p.Media.Data != "" || mediaTypes[p.Kind] == nil {
		return false
	}
	scheme, _, _ := strings.Cut(p.Media.URL, "://")
	return (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) && !in.takesURL(p)
}

func (in *inliner) collect(parts []codec.Part) {
	for i := range parts {
		if len(in.wanted) > mostFetches {
			return
		}
		p := &parts[i]
		switch {
		case p.Kind == codec.PartToolResult && p.Result != nil:
			in.collect(p.Result.Parts)
		case in.wants(p):
			a := address{p.Media.URL, p.Kind}
			at, known := in.places[a]
			if !known {
				at = len(in.wanted)
				in.places[a] = at
				in.wanted = append(in.wanted, fetching{address: a})
			}
			in.wanted[at].uses++
		}
	}
}

// fetch gets everything that is wanted, or the first error.
func (in *inliner) fetch(ctx context.Context, f *fetch.Fetcher) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	room := f.MaxSize() / 3 * 4 * AtOnce // in base64
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(AtOnce, len(in.wanted)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(in.wanted) {
					return
				}
				w := &in.wanted[i]
				leave, err := in.place()
				if err != nil {
					cancel(err)
					return
				}
				w.content, err = f.Fetch(ctx, w.url, &oneRoom{mediaRoom: &in.room}, mediaTypes[w.kind]...)
				leave()
				if err != nil {
					cancel(err)
				} else if in.used.Add(w.uses*int64(len(w.content.Base64))) > room {
					cancel(codec.BadRequest("messages", "the images and files of the request are too large together: send fewer or smaller ones (preferences.image_fetch.max_size)"))
				}
			}
		})
	}
	workers.Wait()
	err := context.Cause(ctx)
	if failed, ok := errors.AsType[*fetch.Error](err); ok {
		return &NotFetched{codec.BadRequest("messages", failed.Error()), failed}
	}
	return err
}

// notFetched is what a client is told of a fetch that failed, and the fetch's own error, which may say more.
type NotFetched struct {
	told   *codec.Error
	Failed *fetch.Error
}

func (e *NotFetched) Error() string { return e.told.Error() }

func (e *NotFetched) Unwrap() error { return e.told }

// replaced are the parts with content in the place of addresses; the slice
// itself, and false, if there is nothing to replace.
func (in *inliner) replaced(parts []codec.Part) ([]codec.Part, bool) {
	out := parts
	for i := range parts {
		p := parts[i]
		switch {
		case p.Kind == codec.PartToolResult && p.Result != nil:
			inner, changed := in.replaced(p.Result.Parts)
			if !changed {
				continue
			}
			result := *p.Result
			result.Parts = inner
			p.Result = &result
		case in.wants(&p):
			content := in.wanted[in.places[address{p.Media.URL, p.Kind}]].content
			media := *p.Media
			if media.Name == "" && p.Kind == codec.PartFile {
				media.Name = fileName(media.URL)
			}
			media.URL, media.MIME, media.Data = "", content.MIME, content.Base64
			p.Media = &media
		default:
			continue
		}
		if &out[0] == &parts[0] {
			out = slices.Clone(parts)
		}
		out[i] = p
	}
	return out, len(parts) > 0 && &out[0] != &parts[0]
}

// fileName is the last element of an address, for formats in which files have
// names; "" if there is none.
func fileName(url string) string {
	url, _, _ = strings.Cut(url, "#")
	url, _, _ = strings.Cut(url, "?")
	_, rest, _ := strings.Cut(url, "://")
	if host, _, ok := strings.Cut(rest, "/"); !ok || len(rest) == len(host)+1 {
		return ""
	}
	return path.Base(rest)
}
