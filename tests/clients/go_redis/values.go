// SPDX-License-Identifier: Apache-2.0

// The checks of every kind of value.
package main

import (
	"context"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var valueChecks = []check{
	{"strings", checkStrings}, {"lists", checkLists}, {"sets", checkSets},
	{"sorted_sets", checkSortedSets}, {"hashes", checkHashes}, {"bits", checkBits},
	{"hyperloglogs", checkHyperLogLogs}, {"geo", checkGeo}, {"streams", checkStreams},
	{"consumer_groups", checkConsumerGroups}, {"keys", checkKeys},
	{"many_keys", checkManyKeys}, {"large_values", checkLargeValues}, {"errors", checkErrors},
}

func checkStrings(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("string")
	equal(must(client.Set(ctx, name, "a", 0).Result()), "OK")
	equal(must(client.Append(ctx, name, "bc").Result()), int64(3))
	equal(must(client.GetRange(ctx, name, 1, 2).Result()), "bc")
	equal(must(client.SetNX(ctx, name, "no", 0).Result()), false)
	equal(must(client.GetSet(ctx, name, "7").Result()), "abc")
	equal(must(client.IncrBy(ctx, name, 5).Result()), int64(12))
	equal(must(client.IncrByFloat(ctx, name, 0.5).Result()), 12.5)
	equal(must(client.GetDel(ctx, name).Result()), "12.5")
	equal(client.Get(ctx, name).Err(), redis.Nil)
}

func checkLists(ctx context.Context, client, _ redis.UniversalClient) {
	name := tagged("list")
	equal(must(client.RPush(ctx, name, "a", "b", "c").Result()), int64(3))
	equal(must(client.LPush(ctx, name, "z").Result()), int64(4))
	equal(must(client.LInsertBefore(ctx, name, "b", "x").Result()), int64(5))
	equal(must(client.LRange(ctx, name, 0, -1).Result()), []string{"z", "a", "x", "b", "c"})
	equal(must(client.LPos(ctx, name, "b", redis.LPosArgs{}).Result()), int64(3))
	equal(must(client.LRem(ctx, name, 1, "x").Result()), int64(1))
	equal(must(client.LPop(ctx, name).Result()), "z")
	equal(must(client.RPop(ctx, name).Result()), "c")
	equal(must(client.LMove(ctx, name, tagged("list:b"), "LEFT", "RIGHT").Result()), "a")
}

func checkSets(ctx context.Context, client, _ redis.UniversalClient) {
	a, b := tagged("set:a"), tagged("set:b")
	equal(must(client.SAdd(ctx, a, 1, 2, 3).Result()), int64(3))
	equal(must(client.SAdd(ctx, b, 2, 3, 4).Result()), int64(3))
	both := must(client.SInter(ctx, a, b).Result())
	sort.Strings(both)
	equal(both, []string{"2", "3"})
	equal(must(client.SUnionStore(ctx, tagged("set:c"), a, b).Result()), int64(4))
	equal(must(client.SMIsMember(ctx, a, 1, 9).Result()), []bool{true, false})
	equal(must(client.SMove(ctx, a, b, 1).Result()), true)
	equal(must(client.SCard(ctx, b).Result()), int64(4))
}

func checkSortedSets(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("zset")
	members := []redis.Z{{Member: "a", Score: 1}, {Member: "b", Score: 2.5},
		{Member: "c", Score: 3}}
	equal(must(client.ZAdd(ctx, name, members...).Result()), int64(3))
	equal(must(client.ZIncrBy(ctx, name, 2, "a").Result()), 3.0)
	equal(must(client.ZRange(ctx, name, 0, -1).Result()), []string{"b", "a", "c"})
	equal(must(client.ZRangeWithScores(ctx, name, 0, 0).Result()), members[1:2])
	part := &redis.ZRangeBy{Min: "(2.5", Max: "+inf", Count: 1}
	equal(must(client.ZRangeByScore(ctx, name, part).Result()), []string{"a"})
	equal(must(client.ZRank(ctx, name, "c").Result()), int64(2))
	equal(must(client.ZPopMin(ctx, name).Result()), members[1:2])
}

func checkHashes(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("hash")
	equal(must(client.HSet(ctx, name, "title", "x", "year", 2022).Result()), int64(2))
	equal(must(client.HGetAll(ctx, name).Result()), map[string]string{"title": "x", "year": "2022"})
	equal(must(client.HMGet(ctx, name, "year", "none").Result()), []any{"2022", nil})
	equal(must(client.HIncrBy(ctx, name, "year", 1).Result()), int64(2023))
	fields := must(client.HKeys(ctx, name).Result())
	sort.Strings(fields)
	equal(fields, []string{"title", "year"})
	equal(must(client.HDel(ctx, name, "title").Result()), int64(1))
}

func checkBits(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("bits")
	equal(must(client.SetBit(ctx, name, 7, 1).Result()), int64(0))
	equal(must(client.BitCount(ctx, name, nil).Result()), int64(1))
	equal(must(client.BitPos(ctx, name, 1).Result()), int64(7))
	fields := client.BitField(ctx, name, "SET", "u8", 8, 200, "GET", "u8", 8)
	equal(must(fields.Result()), []int64{0, 200})
}

func checkHyperLogLogs(ctx context.Context, client, _ redis.UniversalClient) {
	a, b := tagged("hll:a"), tagged("hll:b")
	equal(must(client.PFAdd(ctx, a, "x", "y").Result()), int64(1))
	must(client.PFAdd(ctx, b, "y", "z").Result())
	equal(must(client.PFCount(ctx, a, b).Result()), int64(3))
	equal(must(client.PFMerge(ctx, tagged("hll:c"), a, b).Result()), "OK")
}

func checkGeo(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("geo")
	added := client.GeoAdd(ctx, name,
		&redis.GeoLocation{Name: "seoul", Longitude: 126.978, Latitude: 37.5665},
		&redis.GeoLocation{Name: "busan", Longitude: 129.0756, Latitude: 35.1796})
	equal(must(added.Result()), int64(2))
	distance := must(client.GeoDist(ctx, name, "seoul", "busan", "km").Result())
	equal(math.Abs(distance-325) < 2, true)
	query := &redis.GeoSearchQuery{Member: "seoul", Radius: 10, RadiusUnit: "km"}
	equal(must(client.GeoSearch(ctx, name, query).Result()), []string{"seoul"})
}

func checkStreams(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("stream")
	first := &redis.XAddArgs{Stream: name, ID: "1-1", Values: []string{"a", "1"}}
	equal(must(client.XAdd(ctx, first).Result()), "1-1")
	must(client.XAdd(ctx, &redis.XAddArgs{Stream: name, Values: []string{"b", "2"}}).Result())
	equal(must(client.XLen(ctx, name).Result()), int64(2))
	entry := must(client.XRangeN(ctx, name, "-", "+", 1).Result())[0]
	equal(entry.ID, "1-1")
	equal(entry.Values, map[string]any{"a": "1"})
	read := must(client.XRead(ctx,
		&redis.XReadArgs{Streams: []string{name, "1-1"}, Block: -1}).Result())
	equal(len(read), 1)
	equal(read[0].Stream, name)
	equal(read[0].Messages[0].Values, map[string]any{"b": "2"})
}

func checkConsumerGroups(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("group")
	equal(must(client.XGroupCreateMkStream(ctx, name, "g", "$").Result()), "OK")
	id := must(client.XAdd(ctx,
		&redis.XAddArgs{Stream: name, Values: []string{"a", "1"}}).Result())
	read := must(client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: "g", Consumer: "me", Streams: []string{name, ">"}, Block: -1}).Result())
	equal(read[0].Messages[0].ID, id)
	equal(must(client.XPending(ctx, name, "g").Result()).Count, int64(1))
	equal(must(client.XAck(ctx, name, "g", id).Result()), int64(1))
}

func checkKeys(ctx context.Context, client, _ redis.UniversalClient) {
	name, renamed := tagged("expiring"), tagged("renamed")
	must(client.Set(ctx, name, "x", 100*time.Second).Result())
	ttl := must(client.TTL(ctx, name).Result())
	equal(ttl > 98*time.Second && ttl <= 100*time.Second, true)
	equal(must(client.Persist(ctx, name).Result()), true)
	equal(must(client.Type(ctx, name).Result()), "string")
	equal(must(client.Rename(ctx, name, renamed).Result()), "OK")
	equal(must(client.Copy(ctx, renamed, name, 0, false).Result()), int64(1))
	equal(must(client.PExpireAt(ctx, name, time.Now().Add(-time.Second)).Result()), true)
	equal(must(client.Exists(ctx, name).Result()), int64(0))
	equal(must(client.Unlink(ctx, renamed).Result()), int64(1))
}

func checkManyKeys(ctx context.Context, client, _ redis.UniversalClient) {
	// Of many slots in single mode; a cluster client wants them in one.
	names := keys(100, key)
	if isCluster {
		names = keys(100, tagged)
	}
	var pairs, values []any
	for _, name := range names {
		pairs = append(pairs, name, "v:"+name)
		values = append(values, "v:"+name)
	}
	equal(must(client.MSet(ctx, pairs...).Result()), "OK")
	equal(must(client.MGet(ctx, names...).Result()), values)
	equal(must(client.Exists(ctx, names...).Result()), int64(100))
	equal(must(client.Del(ctx, names...).Result()), int64(100))
}

func checkLargeValues(ctx context.Context, client, _ redis.UniversalClient) {
	name, large := key("large"), strings.Repeat("a\r\n\x00", 1<<20)
	must(client.Set(ctx, name, large, 0).Result())
	equal(must(client.Get(ctx, name).Result()) == large, true)
}

func checkErrors(ctx context.Context, client, _ redis.UniversalClient) {
	name := key("wrong")
	must(client.Set(ctx, name, "x", 0).Result())
	fails(client.LPush(ctx, name, "y").Err(), "WRONGTYPE Operation against")
	fails(client.Incr(ctx, name).Err(), "ERR value is not an integer")
}
