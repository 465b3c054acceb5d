package fetch

import (
	"container/list"
	"sync"
	"time"
)

// fetchCacheTTL is how long what was fetched is kept: for the next turns of a conversation.
const cacheTTL = 5 * time.Minute

// fetchCache keeps what was fetched last, by its address. What is too old goes by itself, so that an idle gateway holds nothing.
type cache struct {
	most   int // bytes of addresses and base64
	mu     sync.Mutex
	byURL  map[string]*list.Element
	recent list.List // of *cachedFetch, the one used last in front
	size   int
}

type cached struct {
	url     string
	content Content
	expiry  *time.Timer
}

func (c *cached) size() int { return len(c.url) + len(c.content.Base64) }

func newCache(most int) *cache {
	return &cache{most: most, byURL: make(map[string]*list.Element)}
}

func (c *cache) get(url string) (Content, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.byURL[url]
	if at == nil {
		return Content{}, false
	}
	c.recent.MoveToFront(at)
	return at.Value.(*cached).content, true
}

func (c *cache) put(url string, content Content) {
	entry := &cached{url: url, content: content}
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
	entry.expiry = time.AfterFunc(cacheTTL, func() {
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
func (c *cache) remove(at *list.Element) {
	entry := c.recent.Remove(at).(*cached)
	entry.expiry.Stop()
	delete(c.byURL, entry.url)
	c.size -= entry.size()
}
