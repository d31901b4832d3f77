// SPDX-License-Identifier: Apache-2.0

// A short session of go-redis. usage: session standalone|cluster HOST PORT PASSWORD
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const keyCount = 100

func key(i int) string { return "go:" + strconv.Itoa(i) }

func connect(kind, address, password string) redis.UniversalClient {
	if kind == "cluster" {
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs:        []string{address},
			Password:     password,
			MaxRedirects: -1, // a MOVED is an error
		})
	}
	return redis.NewClient(&redis.Options{Addr: address, Password: password})
}

func singleAndManyKeys(ctx context.Context, client redis.UniversalClient) error {
	var keys []string
	for i := 0; i < keyCount; i++ {
		keys = append(keys, key(i))
		if err := client.Set(ctx, key(i), i, 0).Err(); err != nil {
			return err
		}
	}
	for i := 0; i < keyCount; i++ {
		if value, err := client.Get(ctx, key(i)).Int(); err != nil || value != i {
			return fmt.Errorf("GET %s: %d, %v", key(i), value, err)
		}
	}
	values, err := client.MGet(ctx, keys...).Result()
	if err != nil {
		return err
	}
	for i, value := range values {
		if value != strconv.Itoa(i) {
			return fmt.Errorf("MGET: %v for %s", value, key(i))
		}
	}
	return nil
}

func pipeline(ctx context.Context, client redis.UniversalClient) error {
	replies, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := 0; i < keyCount; i++ {
			pipe.Get(ctx, key(i))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, reply := range replies {
		if value := reply.(*redis.StringCmd).Val(); value != strconv.Itoa(i) {
			return fmt.Errorf("pipeline: %q for %s", value, key(i))
		}
	}
	return nil
}

func hashAndExpiry(ctx context.Context, client redis.UniversalClient) error {
	client.Del(ctx, "go:song")
	if err := client.HSet(ctx, "go:song", "title", "x", "year", 2022).Err(); err != nil {
		return err
	}
	song, err := client.HGetAll(ctx, "go:song").Result()
	if err != nil || len(song) != 2 || song["title"] != "x" || song["year"] != "2022" {
		return fmt.Errorf("HGETALL: %v, %v", song, err)
	}
	if err := client.Expire(ctx, "go:song", 100*time.Second).Err(); err != nil {
		return err
	}
	ttl, err := client.TTL(ctx, "go:song").Result()
	if err != nil || ttl <= 0 || ttl > 100*time.Second {
		return fmt.Errorf("TTL: %v, %v", ttl, err)
	}
	return nil
}

func main() {
	if len(os.Args) != 5 {
		fmt.Println("usage: session standalone|cluster HOST PORT PASSWORD")
		os.Exit(2)
	}
	client := connect(os.Args[1], net.JoinHostPort(os.Args[2], os.Args[3]), os.Args[4])
	defer client.Close()
	steps := []func(context.Context, redis.UniversalClient) error{
		singleAndManyKeys, pipeline, hashAndExpiry}
	for _, step := range steps {
		if err := step(context.Background(), client); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("ok")
}
