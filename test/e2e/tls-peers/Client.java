import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;

/** Java's own HTTP client over TLS. Arguments: authority, port, port that wants a client certificate, certificate, key. Prints what it saw. */
class Client {
  public static void main(String[] args) throws Exception {
    String open = "https://localhost:" + args[1];
    String closed = "https://localhost:" + args[2];
    for (String version : new String[] {"TLSv1.2", "TLSv1.3"}) {
      SSLContext context = SSLContext.getInstance(version);
      context.init(null, trust(args[0]).getTrustManagers(), null);
      HttpClient client = HttpClient.newBuilder().sslContext(context).build();
      HttpResponse<String> first = client.send(request(open + "/hello").build(), BodyHandlers.ofString());
      System.out.println(version + " " + first.version() + " " + first.sslSession().get().getProtocol() + " " + first.body());
      byte[] body = new byte[1 << 20];
      HttpResponse<byte[]> echo =
          client.send(request(open + "/echo").POST(BodyPublishers.ofByteArray(body)).build(), BodyHandlers.ofByteArray());
      System.out.println(version + " echoed " + echo.body().length);
      List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
      for (int count = 0; count < 50; count++) all.add(client.sendAsync(request(open + "/hello").build(), BodyHandlers.ofString()));
      int answered = 0;
      for (CompletableFuture<HttpResponse<String>> each : all) if (each.get().statusCode() == 200) answered++;
      System.out.println(version + " at once " + answered);
    }
    SSLContext known = SSLContext.getInstance("TLS");
    known.init(keys(args[3], args[4]).getKeyManagers(), trust(args[0]).getTrustManagers(), null);
    System.out.println("with certificate " + ask(known, closed));
    SSLContext nobody = SSLContext.getInstance("TLS");
    nobody.init(null, trust(args[0]).getTrustManagers(), null);
    System.out.println("without certificate " + ask(nobody, closed));
    System.out.println("unknown authority " + ask(SSLContext.getDefault(), open));
  }

  static HttpRequest.Builder request(String url) {
    return HttpRequest.newBuilder(URI.create(url));
  }

  static String ask(SSLContext context, String url) throws Exception {
    try {
      HttpClient client = HttpClient.newBuilder().sslContext(context).build();
      return client.send(request(url + "/hello").build(), BodyHandlers.ofString()).body();
    } catch (SSLException refused) {
      return "refused";
    } catch (java.io.IOException closed) {
      return "closed";
    }
  }

  static TrustManagerFactory trust(String file) throws Exception {
    KeyStore store = empty();
    store.setCertificateEntry("authority", read(file));
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory;
  }

  static KeyManagerFactory keys(String certificate, String key) throws Exception {
    String pem = Files.readString(Path.of(key)).replaceAll("-----[^-]+-----|\\s", "");
    PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
    KeyStore store = empty();
    Certificate[] chain = {read(certificate)};
    store.setKeyEntry("client", KeyFactory.getInstance("EC").generatePrivate(spec), new char[0], chain);
    KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, new char[0]);
    return factory;
  }

  static KeyStore empty() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    return store;
  }

  static Certificate read(String file) throws Exception {
    try (FileInputStream in = new FileInputStream(file)) {
      return CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }
}
