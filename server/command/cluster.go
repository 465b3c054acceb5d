package command

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"uniapi/balancer"
	"uniapi/balancer/breaker"
	"uniapi/balancer/limit"
	"uniapi/cluster"
	"uniapi/config"
	"uniapi/usage"
)

// join has this instance share with others, if the configuration says through what; nil is alone. What keys spend is
// then shared, too.
func join(cfg *config.Config, log *slog.Logger, books *usage.Options) (*cluster.Cluster, error) {
	setting := cfg.Preferences.Cluster
	if len(setting.Redis) == 0 {
		return nil, nil
	}
	folder := ""
	if !books.Memory {
		var err error
		if folder, err = folderName(books.Dir); err != nil {
			return nil, err
		}
	}
	name := cmp.Or(usage.ProcessOf(books.Ledger), folder)
	fleet, err := cluster.Open(cluster.Options{Config: setting, Log: log, Books: name, Folder: folder})
	if err == nil {
		books.Credits, books.Strict = fleet.Credits(), fleet.Strict()
	}
	return fleet, err
}

// folderName is what a folder is called by the others, the same after a restart: what its ledger has spent, and what is
// kept in it of limits, is counted once.
func folderName(dir string) (string, error) {
	path := filepath.Join(dir, "instance")
	said, err := os.ReadFile(path)
	if name := strings.TrimSpace(string(said)); err == nil && isName.MatchString(name) {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the file that names this instance's ledger cannot be read: %w", err)
	}
	name := rand.Text()
	if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("the file that names this instance's ledger cannot be written: %w", err)
	}
	return name, nil
}

var isName = regexp.MustCompile(`^[A-Za-z0-9]{8,64}$`)

// stores are where limits and breakers are kept: in common with others, or by this instance alone.
func stores(fleet *cluster.Cluster) balancer.Stores {
	if fleet == nil {
		return balancer.Stores{Limits: limit.NewLocal(), Breakers: breaker.Local{}}
	}
	return balancer.Stores{
		Limits: fleet.Limits(), Breakers: fleet.Breakers(), Strict: fleet.Strict(),
		Failed: func(error) {}, // the cluster says it itself, once
	}
}
