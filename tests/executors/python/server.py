"""An executor in Python: an ordinary gRPC server with server reflection; it knows nothing of Bitrix24."""

import sys
from concurrent import futures

import grpc
from grpc_reflection.v1alpha import reflection

import greeter_pb2
import greeter_pb2_grpc


class Greeter(greeter_pb2_grpc.GreeterServicer):
    def Greet(self, request, context):
        if not request.name:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "name: whom shall I greet?")
        times = request.times if request.HasField("times") else 1
        return greeter_pb2.GreetResponse(greeting=" ".join([f"Hello, {request.name}!"] * times))


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    greeter_pb2_grpc.add_GreeterServicer_to_server(Greeter(), server)
    names = [service.full_name for service in greeter_pb2.DESCRIPTOR.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
    server.add_insecure_port(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50061")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
