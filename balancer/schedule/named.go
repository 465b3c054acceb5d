package schedule

import "uniapi/config"

// ofChannels makes the policy of some channels, by the name that SCHEDULING_ALGORITHM has
// for it, and the order in which they take turns; that is nil for those that do not.
var ofChannels = map[config.Schedule]func(places []Place) (p Policy, turns []int){
	config.FixedPriority:      func([]Place) (Policy, []int) { return FixedPriority{"key's rules"}, nil },
	config.Random:             func([]Place) (Policy, []int) { return Random{}, nil },
	config.LeastLatency:       func(places []Place) (Policy, []int) { return LeastLatency{}, InOrder(len(places)) },
	config.LeastBusy:          func(places []Place) (Policy, []int) { return LeastBusy{}, InOrder(len(places)) },
	config.Cheapest:           func(places []Place) (Policy, []int) { return new(Cheapest), InOrder(len(places)) },
	config.RoundRobin:         inTurn(config.RoundRobin),
	config.WeightedRoundRobin: byWeight(config.WeightedRoundRobin),
	config.SmartRoundRobin:    byWeight(config.SmartRoundRobin),
	config.Lottery: func(places []Place) (Policy, []int) {
		if weightedTurns(weightsOf(places)) == nil {
			return inTurn(config.Lottery)(places)
		}
		return new(Lottery), nil
	},
}

func inTurn(name config.Schedule) func([]Place) (Policy, []int) {
	return func(places []Place) (Policy, []int) { return RoundRobin{string(name)}, InOrder(len(places)) }
}

// byWeight has places take turns by their weights, where there are any.
func byWeight(name config.Schedule) func([]Place) (Policy, []int) {
	return func(places []Place) (Policy, []int) {
		if weighed := weightedTurns(weightsOf(places)); weighed != nil {
			return WeightedRoundRobin{string(name)}, weighed
		}
		return inTurn(name)(places)
	}
}

func weightsOf(places []Place) []int {
	weights := make([]int, len(places))
	for i := range places {
		weights[i] = places[i].Weight
	}
	return weights
}

// OfChannels is the policy that a SCHEDULING_ALGORITHM names for some channels, and the
// order in which they take turns. Names without a policy of their own are a round robin.
func OfChannels(name config.Schedule, places []Place) (p Policy, turns []int) {
	if name == "" {
		name = config.FixedPriority
	}
	policy := ofChannels[name]
	if policy == nil {
		policy = inTurn(name)
	}
	return policy(places)
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

// InOrder is a pass in which each has one turn.
func InOrder(n int) []int {
	turns := make([]int, n)
	for i := range turns {
		turns[i] = i
	}
	return turns
}
