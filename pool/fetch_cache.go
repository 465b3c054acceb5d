package pool

import (
	"container/list"
	"sync"
	"time"
)

// fetchCacheTTL is how long what was fetched is kept: for the next turns of a conversation.
const fetchCacheTTL = 5 * time.Minute

// fetchCache keeps what was fetched last, by its address. What is too old goes by itself, so that an idle gateway holds nothing.
type fetchCache struct {
	most   int // bytes of addresses and base64
	mu     sync.Mutex
	byURL  map[string]*list.Element
	recent list.List // of *cachedFetch, the one used last in front
	size   int
}

type cachedFetch struct {
	url     string
	content Fetched
	expiry  *time.Timer
}

func (c *cachedFetch) size() int { return len(c.url) + len(c.content.Base64) }

func newFetchCache(most int) *fetchCache {
	return &fetchCache{most: most, byURL: make(map[string]*list.Element)}
}

func (c *fetchCache) get(url string) (Fetched, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.byURL[url]
	if at == nil {
		return Fetched{}, false
	}
	c.recent.MoveToFront(at)
	return at.Value.(*cachedFetch).content, true
}

func (c *fetchCache) put(url string, content Fetched) {
	entry := &cachedFetch{url: url, content: content}
	if entry.size() > c.most {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byURL[url]; old != nil {
		c.remove(old)
	}
	at := c.recent.PushFront(entry)
	c.byURL[url] = at
	c.size += entry.size()
	entry.expiry = time.AfterFunc(fetchCacheTTL, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.byURL[url] == at {
			c.remove(at)
		}
	})
	for c.size > c.most {
		c.remove(c.recent.Back())
	}
}

// remove is called with the lock held.
func (c *fetchCache) remove(at *list.Element) {
	entry := c.recent.Remove(at).(*cachedFetch)
	entry.expiry.Stop()
	delete(c.byURL, entry.url)
	c.size -= entry.size()
}
