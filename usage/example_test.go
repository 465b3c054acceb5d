package usage_test

import (
	"context"
	"fmt"

	"uniapi/usage"
)

// What a request may cost at most is reserved when it begins, and settled when it has ended.
func ExampleKey_Reserve() {
	books, err := usage.Open(usage.Options{Memory: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer books.Close()
	credits := int64(3_000_000_000) // nano-dollars
	if err := books.Configure([]usage.Terms{{Secret: "sk-0123456789abcdef", Alias: "team", Credits: &credits}}); err != nil {
		fmt.Println(err)
		return
	}
	key, estimate := books.Key("sk-0123456789abcdef"), int64(500_000_000)
	ok, err := key.Reserve(context.Background(), estimate)
	fmt.Println(ok, err)
	key.Settle(estimate, 200_000_000)
	fmt.Println(usage.Dollars(key.Left()), "are left")
	// Output:
	// true <nil>
	// $2.80 are left
}
