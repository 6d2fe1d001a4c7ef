// Packs folders as Flux' source-controller packs artifacts, with Go's own libraries: prints the digest of each.
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func main() {
	for _, folder := range os.Args[1:] {
		digest, err := pack(folder)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(digest)
	}
}

func pack(folder string) (string, error) {
	hash := sha256.New()
	zip := gzip.NewWriter(hash)
	archive := tar.NewWriter(zip)
	err := filepath.Walk(folder, func(path string, info fs.FileInfo, err error) error {
		if err != nil || !(info.IsDir() || info.Mode().IsRegular()) {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		header.Name, err = filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
		header.ModTime, header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}, time.Time{}
		switch {
		case info.IsDir():
			header.Mode = 0o750
		case info.Mode()&0o111 != 0:
			header.Mode = 0o700
		default:
			header.Mode = 0o600
		}
		if err := archive.WriteHeader(header); err != nil || info.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(archive, file)
		return err
	})
	if err != nil {
		return "", err
	}
	if err := archive.Close(); err != nil {
		return "", err
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", hash.Sum(nil)), nil
}
