// Command uni-api puts one API in front of every LLM provider.
package main

import (
	"os"

	"uniapi/server/command"
)

// version is set by the linker; without it the command says what git says.
var version = ""

func main() { os.Exit(command.Main(os.Args[1:], version)) }
