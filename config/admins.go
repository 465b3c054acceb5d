package config

import "strings"

// LoneAdmin is the key that is an admin's because it is the only one and nobody has said what it is; else nil. A role
// says so: a configuration that loses its other keys, or has them left out for an error, makes no user an admin.
func (c *Config) LoneAdmin() *APIKey {
	if len(c.APIKeys) == 1 && c.left.keys == 0 && c.APIKeys[0].Role == "" {
		return c.APIKeys[0]
	}
	return nil
}

// IsAdmin says whether one of the APIKeys may administrate: those with admin in their role may, and the only key if it
// has no role.
func (c *Config) IsAdmin(k *APIKey) bool {
	return strings.Contains(k.Role, "admin") || k == c.LoneAdmin()
}
