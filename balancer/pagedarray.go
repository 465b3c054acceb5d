package balancer

import (
	"iter"
	"sync/atomic"
)

// pagedArray is an array of which most is never used: 5,000 models for each of 1,000
// keys. Its parts are made when they are first needed, without a lock.
type pagedArray[T any] struct {
	pages []atomic.Pointer[arrayPage[T]]
}

// arrayPage is as large as a few cache lines, so that the models of one
// provider, whose numbers follow each other, mostly share one.
type arrayPage[T any] [32]T

func newPagedArray[T any](size int) *pagedArray[T] {
	var page arrayPage[T]
	return &pagedArray[T]{make([]atomic.Pointer[arrayPage[T]], (size+len(page)-1)/len(page))}
}

func (s *pagedArray[T]) at(i int) *T {
	page := &s.pages[i/len(arrayPage[T]{})]
	if page.Load() == nil {
		page.CompareAndSwap(nil, new(arrayPage[T]))
	}
	return &page.Load()[i%len(arrayPage[T]{})]
}

// all yields the elements that exist, with their indices.
func (s *pagedArray[T]) all() iter.Seq2[int, *T] {
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
