// Command renew writes the list prices that the program has with it from those that others gather: facts alone, one
// line a model.
//
//	go run ./config/price/renew prices.json VERSION list.txt
//
// The first line says of which day the list is, and where it is from.
package main

import (
	"fmt"
	"os"
	"time"

	"uniapi/config/price"
)

// fewest is what a good list has at least.
const fewest = 500

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: renew prices.json VERSION list.txt")
		os.Exit(2)
	}
	if err := renew(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "renew:", err)
		os.Exit(1)
	}
}

func renew(from, version, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	list, err := price.ReadForeign(data, time.Now().UTC().Format(time.DateOnly)+" "+version)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if list.Len() < fewest {
		return fmt.Errorf("%s: only %d prices were found: the form has changed", from, list.Len())
	}
	if err := os.WriteFile(to, []byte(list.Text()), 0o644); err != nil {
		return err
	}
	fmt.Printf("%d prices, %d bytes\n", list.Len(), len(list.Text()))
	return nil
}
