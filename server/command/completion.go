package command

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"uniapi/server/command/doctor"
)

// The scripts ask the program for a command's flags, so that they are those of the program that is there.
const (
	askFlags = `uni-api help "$1" 2>/dev/null | sed -n 's/^  -\([a-z-]*\).*/--\1/p'`

	bashScript = `_uni_api_flags() { ` + askFlags + `; }
_uni_api() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
    case $command in -*|"") command=serve ;; esac
    if [ "$COMP_CWORD" = 1 ] && [ "${word#-}" = "$word" ]; then
        COMPREPLY=($(compgen -W "COMMANDS" -- "$word"))
    elif [ "$command" = help ]; then
        COMPREPLY=($(compgen -W "COMMANDS" -- "$word"))
    elif [ "$command" = completion ]; then
        COMPREPLY=($(compgen -W "bash zsh fish" -- "$word"))
    elif [ "$command" = doctor ] && [ "$COMP_CWORD" = 2 ] && [ "${word#-}" = "$word" ]; then
        COMPREPLY=($(compgen -W "CLIENTS" -- "$word"))
    elif [ "${word#-}" != "$word" ]; then
        COMPREPLY=($(compgen -W "$(_uni_api_flags "$command")" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}
complete -F _uni_api uni-api
`
	zshScript = `#compdef uni-api
_uni_api_flags() { ` + askFlags + `; }
_uni_api() {
    local command=${words[2]}
    case $command in -*|"") command=serve ;; esac
    if (( CURRENT == 2 )) && [[ ${words[CURRENT]} != -* ]] || [[ $command == help ]]; then
        compadd -- COMMANDS
    elif [[ $command == completion ]]; then
        compadd -- bash zsh fish
    elif [[ $command == doctor ]] && (( CURRENT == 3 )) && [[ ${words[CURRENT]} != -* ]]; then
        compadd -- CLIENTS
    elif [[ ${words[CURRENT]} == -* ]]; then
        compadd -- ${(f)"$(_uni_api_flags $command)"}
    else
        _files
    fi
}
compdef _uni_api uni-api
`
	fishScript = `function __uni_api_flags
    set -l command (commandline -opc)[2]
    string match -q -- '-*' "$command"; or test -z "$command"; and set command serve
    uni-api help $command 2>/dev/null | sed -n 's/^  -\([a-z-]*\).*/--\1/p'
end
complete -c uni-api -n __fish_use_subcommand -f -a 'COMMANDS'
complete -c uni-api -n '__fish_seen_subcommand_from help' -f -a 'COMMANDS'
complete -c uni-api -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
complete -c uni-api -n '__fish_seen_subcommand_from doctor' -f -a 'CLIENTS'
complete -c uni-api -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__uni_api_flags)'
`
)

func completion(args []string) int {
	scripts := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}
	if len(args) != 1 || scripts[args[0]] == "" {
		fmt.Fprintln(complaints{}, "uni-api completion: it needs a shell: bash, zsh or fish")
		return 2
	}
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	fmt.Print(strings.NewReplacer("COMMANDS", strings.Join(names, " "), "CLIENTS", strings.Join(doctor.Names(), " ")).Replace(scripts[args[0]]))
	return 0
}

// roff is a text as a manual page has it.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// flagLine is a flag in what --help lists.
var flagLine = regexp.MustCompile(`^  -([a-z-]+) ?(.*)$`)

// manual prints the manual page: what the commands' own help says.
func manual([]string) int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(complaints{}, "uni-api man:", err)
		return 1
	}
	fmt.Printf(".TH UNI\\-API 1 \"\" \"uni\\-api %s\"\n.SH NAME\nuni\\-api \\- %s\n.SH SYNOPSIS\n", roff(versionName()), roff(strings.TrimPrefix(about, "uni-api ")))
	for _, c := range commands {
		fmt.Printf(".B uni\\-api %s\n%s\n.br\n", roff(c.name), roff(c.args))
	}
	fmt.Println(".SH COMMANDS")
	for _, c := range commands {
		fmt.Printf(".SS %s\n%s.\n", roff(strings.TrimSpace("uni-api "+c.name+" "+c.args)), roff(c.does))
		said, err := exec.Command(self, "help", c.name).Output()
		if err != nil {
			fmt.Fprintln(complaints{}, "uni-api man:", err)
			return 1
		}
		_, listed, _ := strings.Cut(string(said), "\n\n")
		for line := range strings.Lines(listed) {
			line = strings.TrimRight(line, "\n")
			if f := flagLine.FindStringSubmatch(line); f != nil {
				fmt.Printf(".TP\n.BI \\-\\-%s \" %s\"\n", roff(f[1]), roff(f[2]))
			} else if line = strings.TrimSpace(line); line != "" {
				fmt.Println(roff(line))
			}
		}
	}
	fmt.Print(".SH FILES\n.TP\n.I ./api.yaml\nThe configuration.\n.TP\n.I ./data\nThe books: what keys have used.\n")
	return 0
}
