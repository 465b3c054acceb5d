package fetch

import (
	"fmt"
	"time"

	"github.com/dgraph-io/ristretto/v2"
)

// cacheTTL is how long what was fetched is kept: for the next turns of a conversation.
const cacheTTL = 5 * time.Minute

// Cache keeps what was fetched of late. Several Fetchers may share one, also one after the other: none gets what
// another's rules let in. A nil Cache keeps nothing.
type Cache struct {
	contents *ristretto.Cache[string, Content]
}

// NewCache makes a cache of so many bytes of addresses and base64. Close ends it.
func NewCache(bytes int) (*Cache, error) {
	contents, err := ristretto.NewCache(&ristretto.Config[string, Content]{
		NumCounters: max(int64(bytes)/(4<<10), 100), // ten for each image of 40 KB
		MaxCost:     int64(bytes), BufferItems: 64, IgnoreInternalCost: true,
	})
	if err != nil {
		return nil, fmt.Errorf("making the cache of fetched images: %w", err)
	}
	return &Cache{contents}, nil
}

// Close lets go of everything. Fetchers may still use the cache, which keeps nothing any more.
func (c *Cache) Close() {
	if c != nil {
		c.contents.Close()
	}
}

func (c *Cache) get(address string) (Content, bool) {
	if c == nil {
		return Content{}, false
	}
	return c.contents.Get(address)
}

func (c *Cache) put(address string, content Content) {
	if c != nil {
		c.contents.SetWithTTL(address, content, int64(len(address)+len(content.Base64)), cacheTTL)
	}
}
