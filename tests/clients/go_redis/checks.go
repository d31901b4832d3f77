// SPDX-License-Identifier: Apache-2.0

// The frame of the program: arguments, the keys of this run, the checks' verdicts.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const checkTimeout = 20 * time.Second

var (
	run       = fmt.Sprintf("go:%d:%d", os.Getpid(), time.Now().UnixNano())
	isCluster bool
	connect   func() redis.UniversalClient
)

type check struct {
	name string
	body func(ctx context.Context, client, other redis.UniversalClient)
}

// key is a key of this run only; those of tagged share a slot.
func key(name string) string    { return run + ":" + name }
func tagged(name string) string { return "{" + run + "}:" + name }

func keys(count int, name func(string) string) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = name(fmt.Sprint("many:", i))
	}
	return names
}

// must ends a check that met an error; equal and fails likewise.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func equal(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%.300v is not %.300v", actual, expected))
	}
}

func fails(err error, text string) {
	if err == nil || !strings.Contains(err.Error(), text) {
		panic(fmt.Sprintf("%v is not about %q", err, text))
	}
}

func contains(names []string, name string) bool {
	for _, one := range names {
		if one == name {
			return true
		}
	}
	return false
}

// woken runs block and, while it waits, wake.
func woken[T any](block func() (T, error), wake func() error) T {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := block()
		done <- outcome{value, err}
	}()
	time.Sleep(100 * time.Millisecond) // nothing tells that another client is blocked by now
	if err := wake(); err != nil {
		panic(err)
	}
	ended := <-done
	return must(ended.value, ended.err)
}

func runCheck(one check, client, other redis.UniversalClient) (failure string) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	done := make(chan string, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				done <- strings.Join(strings.Fields(fmt.Sprint(reason)), " ")
				return
			}
			done <- ""
		}()
		one.body(ctx, client, other)
	}()
	select {
	case failure = <-done:
	case <-time.After(checkTimeout + time.Second):
		failure = fmt.Sprint("no end after ", checkTimeout)
	}
	return failure
}

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: checks HOST PORT PASSWORD single|cluster [2|3]")
		os.Exit(2)
	}
	address, password := net.JoinHostPort(os.Args[1], os.Args[2]), os.Args[3]
	isCluster = os.Args[4] == "cluster"
	protocol := 3
	if len(os.Args) > 5 && os.Args[5] == "2" {
		protocol = 2
	}
	connect = func() redis.UniversalClient {
		if !isCluster {
			return redis.NewClient(&redis.Options{
				Addr: address, Password: password, Protocol: protocol})
		}
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{address}, Password: password, Protocol: protocol,
			MaxRedirects: -1, // a MOVED is an error
		})
	}
	client, other := connect(), connect()
	defer client.Close()
	defer other.Close()
	wanted := strings.Fields(os.Getenv("CHECKS")) // none: all
	failures := 0
	for _, one := range append(valueChecks, sessionChecks...) {
		if len(wanted) > 0 && !contains(wanted, one.name) {
			continue
		}
		if failure := runCheck(one, client, other); failure != "" {
			failures++
			fmt.Println("FAIL", one.name, failure)
			continue
		}
		fmt.Println("ok", one.name)
	}
	if failures > 0 {
		os.Exit(1)
	}
}
