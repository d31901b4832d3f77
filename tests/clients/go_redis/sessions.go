// SPDX-License-Identifier: Apache-2.0

// The checks of what is more than one request: pipelines, transactions, messages, waiting.
package main

import (
	"context"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

var sessionChecks = []check{
	{"pipeline", checkPipeline}, {"transaction", checkTransaction}, {"watch", checkWatch},
	{"scripts", checkScripts}, {"pubsub", checkPubSub}, {"pattern_pubsub", checkPatternPubSub},
	{"sharded_pubsub", checkShardedPubSub}, {"blocking_pop", checkBlockingPop},
	{"blocking_move", checkBlockingMove}, {"blocking_stream", checkBlockingStream},
	{"scan", checkScan}, {"scan_elements", checkScanElements}, {"session", checkSession},
}

func checkPipeline(ctx context.Context, client, _ redis.UniversalClient) {
	names := keys(100, key)
	replies := must(client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, name := range names {
			pipe.Set(ctx, name, i, 0)
			pipe.Incr(ctx, name)
		}
		return nil
	}))
	for i := range names {
		equal(replies[2*i].(*redis.StatusCmd).Val(), "OK")
		equal(replies[2*i+1].(*redis.IntCmd).Val(), int64(i+1))
	}
}

func checkTransaction(ctx context.Context, client, _ redis.UniversalClient) {
	a, b := tagged("tx:a"), tagged("tx:b")
	replies := must(client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, a, 1, 0)
		pipe.Incr(ctx, a)
		pipe.RPush(ctx, b, "x")
		return nil
	}))
	equal(replies[1].(*redis.IntCmd).Val(), int64(2))
	_, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, a, "x", 0)
		pipe.Incr(ctx, a)
		return nil
	})
	fails(err, "ERR value is not an integer")
}

func checkWatch(ctx context.Context, client, other redis.UniversalClient) {
	name := tagged("watched")
	set := func(tx *redis.Tx) error {
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, name, "mine", 0)
			return nil
		})
		return err
	}
	equal(client.Watch(ctx, func(tx *redis.Tx) error {
		must(other.Set(ctx, name, "theirs", 0).Result())
		return set(tx)
	}, name), redis.TxFailedErr)
	equal(client.Watch(ctx, set, name), nil)
	equal(must(client.Get(ctx, name).Result()), "mine")
}

func checkScripts(ctx context.Context, client, _ redis.UniversalClient) {
	name := []string{key("script")}
	echo := client.Eval(ctx, "return {KEYS[1], ARGV[1], 3}", name, "a")
	equal(must(echo.Result()), []any{name[0], "a", int64(3)})
	// EVALSHA, and EVAL where the script is not known.
	twice := redis.NewScript(`redis.call("INCRBY", KEYS[1], ARGV[1])
		return redis.call("INCRBY", KEYS[1], ARGV[1])`)
	equal(must(twice.Run(ctx, client, name, 2).Int()), 4)
	equal(must(twice.Run(ctx, client, name, 3).Int()), 10)
	equal(must(twice.Load(ctx, client).Result()), twice.Hash())
	equal(must(twice.Exists(ctx, client).Result()), []bool{true})
	fails(client.EvalSha(ctx, strings.Repeat("f", 40), name).Err(), "NOSCRIPT")
	fails(client.Eval(ctx, `return redis.error_reply("MINE x")`, name).Err(), "MINE x")
}

// heard publishes once the subscription is confirmed and returns what arrives.
func heard(ctx context.Context, subscriber *redis.PubSub, publish *redis.IntCmd) []string {
	must(publish.Result())
	message := must(subscriber.ReceiveMessage(ctx))
	return []string{message.Pattern, message.Channel, message.Payload}
}

func checkPubSub(ctx context.Context, client, other redis.UniversalClient) {
	subscriber := client.Subscribe(ctx, key("channel"), key("another"))
	defer subscriber.Close()
	equal(must(subscriber.Receive(ctx)).(*redis.Subscription).Count, 1)
	equal(must(subscriber.Receive(ctx)).(*redis.Subscription).Count, 2)
	equal(heard(ctx, subscriber, other.Publish(ctx, key("channel"), "hello")),
		[]string{"", key("channel"), "hello"})
	equal(subscriber.Unsubscribe(ctx, key("channel")), nil)
	equal(must(subscriber.Receive(ctx)).(*redis.Subscription).Count, 1)
}

func checkPatternPubSub(ctx context.Context, client, other redis.UniversalClient) {
	subscriber := client.PSubscribe(ctx, key("news.*"))
	defer subscriber.Close()
	must(subscriber.Receive(ctx))
	equal(heard(ctx, subscriber, other.Publish(ctx, key("news.art"), "hello")),
		[]string{key("news.*"), key("news.art"), "hello"})
}

func checkShardedPubSub(ctx context.Context, client, other redis.UniversalClient) {
	subscriber := client.SSubscribe(ctx, key("shard"))
	defer subscriber.Close()
	must(subscriber.Receive(ctx))
	equal(heard(ctx, subscriber, other.SPublish(ctx, key("shard"), "hello")),
		[]string{"", key("shard"), "hello"})
}

func checkBlockingPop(ctx context.Context, client, other redis.UniversalClient) {
	empty, queue, scored := tagged("empty"), tagged("queue"), tagged("zqueue")
	popped := woken(func() ([]string, error) {
		return client.BLPop(ctx, 10*time.Second, empty, queue).Result()
	}, func() error { return other.RPush(ctx, queue, "job").Err() })
	equal(popped, []string{queue, "job"})
	equal(client.BLPop(ctx, time.Second, empty).Err(), redis.Nil)
	member := redis.Z{Member: "job", Score: 1}
	first := woken(func() (*redis.ZWithKey, error) {
		return client.BZPopMin(ctx, 10*time.Second, scored).Result()
	}, func() error { return other.ZAdd(ctx, scored, member).Err() })
	equal(*first, redis.ZWithKey{Z: member, Key: scored})
}

func checkBlockingMove(ctx context.Context, client, other redis.UniversalClient) {
	from, to := tagged("from"), tagged("to")
	push := func(element string) func() error {
		return func() error { return other.LPush(ctx, from, element).Err() }
	}
	equal(woken(func() (string, error) {
		return client.BRPopLPush(ctx, from, to, 10*time.Second).Result()
	}, push("a")), "a")
	equal(woken(func() (string, error) {
		return client.BLMove(ctx, from, to, "LEFT", "RIGHT", 10*time.Second).Result()
	}, push("b")), "b")
	equal(must(client.LRange(ctx, to, 0, -1).Result()), []string{"a", "b"})
}

func checkBlockingStream(ctx context.Context, client, other redis.UniversalClient) {
	name := key("live")
	read := woken(func() ([]redis.XStream, error) {
		return client.XRead(ctx, &redis.XReadArgs{
			Streams: []string{name, "$"}, Block: 10 * time.Second}).Result()
	}, func() error {
		return other.XAdd(ctx, &redis.XAddArgs{
			Stream: name, ID: "5-1", Values: []string{"a", "1"}}).Err()
	})
	equal(read[0].Stream, name)
	equal(read[0].Messages[0].ID, "5-1")
	equal(read[0].Messages[0].Values, map[string]any{"a": "1"})
}

func checkScan(ctx context.Context, client, _ redis.UniversalClient) {
	var names []string
	for i := 0; i < 500; i++ {
		names = append(names, key("scan:"+strconv.Itoa(i)))
		must(client.Set(ctx, names[i], 1, 0).Result())
	}
	found, lock := map[string]bool{}, sync.Mutex{}
	scanNode := func(ctx context.Context, node *redis.Client) error {
		iterator := node.Scan(ctx, 0, key("scan:*"), 100).Iterator()
		for iterator.Next(ctx) {
			lock.Lock()
			found[iterator.Val()] = true
			lock.Unlock()
		}
		return iterator.Err()
	}
	switch scanned := client.(type) {
	case *redis.ClusterClient:
		equal(scanned.ForEachMaster(ctx, scanNode), nil)
	case *redis.Client:
		equal(scanNode(ctx, scanned), nil)
	}
	var seen []string
	for name := range found {
		seen = append(seen, name)
	}
	sort.Strings(seen)
	sort.Strings(names)
	equal(seen, names)
}

func checkScanElements(ctx context.Context, client, _ redis.UniversalClient) {
	hash, set, zset := key("big:hash"), key("big:set"), key("big:zset")
	for i := 0; i < 1000; i++ {
		must(client.HSet(ctx, hash, fmt.Sprint("e:", i), 1).Result())
		must(client.SAdd(ctx, set, fmt.Sprint("e:", i)).Result())
		must(client.ZAdd(ctx, zset, redis.Z{Member: fmt.Sprint("e:", i)}).Result())
	}
	count := func(scan *redis.ScanCmd) int {
		names := map[string]bool{}
		for iterator := scan.Iterator(); iterator.Next(ctx); {
			if strings.HasPrefix(iterator.Val(), "e:") { // and not a value or a score
				names[iterator.Val()] = true
			}
		}
		return len(names)
	}
	equal(count(client.HScan(ctx, hash, 0, "", 100)), 1000)
	equal(count(client.SScan(ctx, set, 0, "e:*", 100)), 1000)
	equal(count(client.ZScan(ctx, zset, 0, "", 100)), 1000)
}

func checkSession(ctx context.Context, client, other redis.UniversalClient) {
	equal(must(client.Ping(ctx).Result()), "PONG")
	info := must(client.Info(ctx, "server").Result())
	equal(regexp.MustCompile(`redis_version:7\.`).MatchString(info), true)
	equal(must(client.DBSize(ctx).Result()) > 0, true)
	single, isSingle := client.(*redis.Client)
	if !isSingle {
		return
	}
	named := single.Conn()
	defer named.Close()
	equal(must(named.ClientSetName(ctx, "slotway-check").Result()), true)
	equal(must(named.ClientGetName(ctx).Result()), "slotway-check")
	list := must(other.ClientList(ctx).Result())
	equal(strings.Contains(list, " name=slotway-check "), true)
}
