// A gRPC server of grpc-go's at its defaults: among them the enforcement of keep-alive, which ends a connection at the
// third PING without data. Each call is answered, or each stream ended, after the metadata `x-delay-ms`.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// raw passes messages on as they are: an empty one is a valid message of any type.
type raw struct{}

func (raw) Name() string                          { return "proto" }
func (raw) Marshal(message any) ([]byte, error)   { return *message.(*[]byte), nil }
func (raw) Unmarshal(data []byte, into any) error { *into.(*[]byte) = data; return nil }

func handle(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	method, _ := grpc.MethodFromServerStream(stream)
	if strings.HasSuffix(method, "Stream") {
		if err := stream.SendMsg(&[]byte{}); err != nil {
			return err
		}
	}
	values, _ := metadata.FromIncomingContext(stream.Context())
	if delay := values.Get("x-delay-ms"); len(delay) > 0 {
		ms, err := strconv.Atoi(delay[0])
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
	if strings.HasSuffix(method, "Stream") {
		return nil
	}
	return stream.SendMsg(&[]byte{})
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	// Ends with whoever started it.
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	server := grpc.NewServer(grpc.UnknownServiceHandler(handle), grpc.ForceServerCodec(raw{}))
	log.Fatal(server.Serve(listener))
}
