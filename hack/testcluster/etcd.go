package main

import (
	"context"
	"fmt"
	"io"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/snapshot"
	etcdutl "go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
	"google.golang.org/grpc/grpclog"
)

// etcdMember is the name of the only member.
const etcdMember = "testcluster"

// saveSnapshot writes what etcd holds now to a new file, while everything runs.
func (c *cluster) saveSnapshot(ctx context.Context) (string, error) {
	// The client logs that its connection was closed when we close it.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	c.snapshots++
	path := c.file(fmt.Sprintf("snapshot-%d.db", c.snapshots))
	config := clientv3.Config{Endpoints: []string{c.etcdPort.address()}, Logger: zap.NewNop()}
	_, err := snapshot.SaveWithVersion(ctx, zap.NewNop(), config, path)
	return path, err
}

// unpackSnapshot makes the next etcd start with the snapshot's data, in a new
// folder. Revisions, and so resourceVersions, go back to where they were.
func (c *cluster) unpackSnapshot(path string) error {
	c.restores++
	peer := "http://" + c.peerPort.address()
	return etcdutl.NewV3(zap.NewNop()).Restore(etcdutl.RestoreConfig{
		SnapshotPath:        path,
		Name:                etcdMember,
		OutputDataDir:       c.etcdData(),
		PeerURLs:            []string{peer},
		InitialCluster:      etcdMember + "=" + peer,
		InitialClusterToken: "testcluster",
	})
}
