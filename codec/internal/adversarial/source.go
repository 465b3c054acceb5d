package adversarial

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Read are the words that a package's source looks for: the cases of its switches and what it gets by name, in files
// whose names begin with one of the prefixes. A new member or kind of block that a decoder learns of is among them.
func Read(dir string, prefixes ...string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var words []string
	for _, file := range files {
		base := filepath.Base(file)
		if strings.HasSuffix(base, "_test.go") || !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(base, p) }) {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CaseClause:
				for _, e := range n.List {
					words = appendLiterals(words, e)
				}
			case *ast.CallExpr:
				if gets(n.Fun) {
					for _, e := range n.Args {
						words = appendLiterals(words, e)
					}
				}
			}
			return true
		})
	}
	slices.Sort(words)
	return slices.Compact(words), nil
}

// gets says whether a function finds a member by the name that it is given.
func gets(fun ast.Expr) bool {
	switch f := fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name == "Get" || f.Sel.Name == "soft"
	case *ast.Ident:
		return f.Name == "get" || f.Name == "text" || f.Name == "member"
	}
	return false
}

// appendLiterals appends a text that stands there as it is, but for an empty one.
func appendLiterals(words []string, e ast.Expr) []string {
	if lit, is := e.(*ast.BasicLit); is && lit.Kind == token.STRING {
		if word, err := strconv.Unquote(lit.Value); err == nil && word != "" {
			words = append(words, word)
		}
	}
	return words
}
