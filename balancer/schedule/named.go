package schedule

import "uniapi/config"

// OfChannels is the policy that a SCHEDULING_ALGORITHM names for some channels, and the
// order in which they take turns; nil is for those that do not.
func OfChannels(name config.Schedule, places []Place) (p Policy, turns []int) {
	switch name {
	case config.FixedPriority, "":
		return FixedPriority{"key's rules"}, nil
	case config.Random:
		return Random{}, nil
	case config.LeastLatency:
		return LeastLatency{}, InOrder(len(places))
	case config.LeastBusy:
		return LeastBusy{}, InOrder(len(places))
	case config.Cheapest:
		return new(Cheapest), InOrder(len(places))
	case config.WeightedRoundRobin, config.SmartRoundRobin, config.Lottery:
		weights := make([]int, len(places))
		for i := range places {
			weights[i] = places[i].Weight
		}
		weighed := weightedTurns(weights)
		switch {
		case weighed == nil:
		case name == config.Lottery:
			return new(Lottery), nil
		default:
			return WeightedRoundRobin{string(name)}, weighed
		}
	}
	return RoundRobin{string(name)}, InOrder(len(places))
}

// NearChannels is the policy for conversations that are to be kept where they were:
// nil where the schedule's order means something.
func NearChannels(p Policy, name config.Schedule) Policy {
	switch p.(type) {
	case FixedPriority:
		return nil
	case *Cheapest:
		return p // among those of the lowest price
	case WeightedRoundRobin, *Lottery:
		return &Affinity{Name: string(name), Weighed: true}
	}
	return &Affinity{Name: string(name)}
}

// OfKeys is the policy that an api_key_schedule_algorithm names. Score tells how often a
// key has served and failed. The order in which they take turns is nil for those that do
// not, and empty where the policy finds it itself.
func OfKeys(name config.Schedule, keys int, score func(key int) (served, failed int64)) (p Policy, turns []int) {
	if keys <= 1 {
		name = config.FixedPriority
	}
	switch name {
	case config.FixedPriority:
		return FixedPriority{"provider's keys"}, nil
	case config.Random:
		return Random{}, nil
	case config.LeastBusy:
		return LeastBusy{}, InOrder(keys)
	case config.SmartRoundRobin:
		return &SmartRoundRobin{Score: score}, []int{}
	}
	return RoundRobin{string(config.RoundRobin)}, InOrder(keys)
}

// InOrder is a lap in which each has one turn.
func InOrder(n int) []int {
	turns := make([]int, n)
	for i := range turns {
		turns[i] = i
	}
	return turns
}
