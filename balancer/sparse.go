package balancer

import (
	"iter"
	"sync/atomic"
)

// sparse is an array of which most is never used: 5,000 models for each of 1,000
// keys. Its parts are made when they are first needed, without a lock.
type sparse[T any] struct {
	pages []atomic.Pointer[sparsePage[T]]
}

// sparsePage is as large as a few cache lines, so that the models of one
// provider, whose numbers follow each other, mostly share one.
type sparsePage[T any] [32]T

func newSparse[T any](size int) *sparse[T] {
	var page sparsePage[T]
	return &sparse[T]{make([]atomic.Pointer[sparsePage[T]], (size+len(page)-1)/len(page))}
}

func (s *sparse[T]) at(i int) *T {
	page := &s.pages[i/len(sparsePage[T]{})]
	if page.Load() == nil {
		page.CompareAndSwap(nil, new(sparsePage[T]))
	}
	return &page.Load()[i%len(sparsePage[T]{})]
}

// all yields the elements that exist, with their indices.
func (s *sparse[T]) all() iter.Seq2[int, *T] {
	return func(yield func(int, *T) bool) {
		for n := range s.pages {
			page := s.pages[n].Load()
			if page == nil {
				continue
			}
			for i := range page {
				if !yield(n*len(page)+i, &page[i]) {
					return
				}
			}
		}
	}
}
