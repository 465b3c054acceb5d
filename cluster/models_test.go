package cluster

import (
	"fmt"
	"testing"
)

func TestPerModelForgetsTheOldestAlone(t *testing.T) {
	var p perModel[*int]
	made := 0
	of := func(model string) *int {
		if n, known := p.find(model); known {
			return n
		}
		return p.add(model, func(string) *int { made++; return new(int) })
	}
	inUse, none := of("in use"), p.add("none", func(string) *int { return nil })
	if got, known := p.find("none"); none != nil || got != nil || !known {
		t.Errorf("that there is none is not known: %v, %v", got, known)
	}
	made = 0
	for i := range 10 * mostModels {
		of(fmt.Sprint("made up ", i))
		if of("in use") != inUse {
			t.Fatalf("what is in use is forgotten after %d others", i)
		}
		if n := len(p.newer) + len(p.before); n > mostModels {
			t.Fatalf("%d are known after %d", n, i)
		}
	}
	if made != 10*mostModels {
		t.Errorf("%d were made", made)
	}
	for i := 10*mostModels - mostModels/2 + 1; i < 10*mostModels; i++ {
		if of(fmt.Sprint("made up ", i)); made != 10*mostModels {
			t.Fatalf("one of the newest, %d, is forgotten", i)
		}
	}
}
